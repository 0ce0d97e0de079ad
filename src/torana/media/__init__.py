"""Pictures as bytes: told apart, decoded, fitted, encoded, and the processes that do it."""
