"""Keys that verify tokens: how they are read, and how they are kept fresh."""
