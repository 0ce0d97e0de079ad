"""The command line: parses, prints, decides nothing."""
