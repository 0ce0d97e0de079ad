"""Where a picture consists of stuff rather than things, and other stuff of the same sort put in its place."""
