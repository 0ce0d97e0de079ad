"""What the engine sees in a picture before it changes anything."""
