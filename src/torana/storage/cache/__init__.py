"""Where answers are kept for those who ask the very same again."""
