"""Kept responses, in a directory or in a bucket."""
