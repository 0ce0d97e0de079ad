"""What operators see: one log line, a few metrics and the spans of each request."""
