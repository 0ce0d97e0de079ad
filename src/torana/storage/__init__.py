"""The only room that touches disk: uploads in flight, made pictures, and the keys that are ours."""
