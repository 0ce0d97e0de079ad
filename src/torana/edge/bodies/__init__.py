"""Bodies on their way in: forms and JSON, as they come, held to the settings."""
