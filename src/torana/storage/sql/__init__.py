"""The database, SQLite or PostgreSQL, by the same code: for the office alone, never for a gateway process."""
