"""The ledger in the database: its rows, what budgets were charged, sums of usage, and how old rows go."""
