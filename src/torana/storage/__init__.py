"""The only room that touches disk and shared counters: uploads, made pictures, keys of ours, what limits count."""
