"""Commands of the admin API: each asks over HTTP, here or at a gateway elsewhere, and prints the answer."""
