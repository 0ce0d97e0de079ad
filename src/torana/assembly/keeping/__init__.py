"""What is kept for callers, and where."""
