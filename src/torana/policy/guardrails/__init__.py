"""Checks of what is asked and of what is answered: which there are, for which calls, and what a finding does."""
