"""What of the configuration can change while the gateway serves, and how it changes: whole or not at all."""
