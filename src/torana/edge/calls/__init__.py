"""A call's side towards its client, while its answer is made."""
