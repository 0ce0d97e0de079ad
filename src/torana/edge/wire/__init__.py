"""One connection's bytes: requests as they come off it, replies as they go out."""
