"""What can be asked of the admin API, by noun: each call is a small function over the registers and the ledger."""
