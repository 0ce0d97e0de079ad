"""Puts together what calls are checked by, and where their answers are kept."""
