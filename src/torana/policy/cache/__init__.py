"""Answers that are kept and given again: to whom, for how long, and which ones are worth it."""
