"""What clients may ask: one file for each API family, and not a word of who answers."""
