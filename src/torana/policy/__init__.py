"""May they, and how much."""
