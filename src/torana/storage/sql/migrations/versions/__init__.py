"""One file for each revision, numbered, the newest last."""
