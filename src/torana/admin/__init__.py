"""The operators' face: an API for keys, people, rules and books, apart from the one that callers use."""
