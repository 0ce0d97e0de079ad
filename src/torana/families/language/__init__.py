"""What is said to models and by them: what every family of language has in common, and the families."""
