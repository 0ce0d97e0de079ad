"""What operators write: every setting, frozen and documented, and the reader that reports all mistakes at once."""
