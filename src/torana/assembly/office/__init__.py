"""The office: the process beside the gateway that has the database, and what is asked of it."""
