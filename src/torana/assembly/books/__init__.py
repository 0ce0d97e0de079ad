"""What a gateway process has of the books: a journal to write, notices to read, counters to count in."""
