"""What callers and the gateway tell one another in headers."""
