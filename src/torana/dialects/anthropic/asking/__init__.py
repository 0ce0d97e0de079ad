"""How a conversation is asked in this dialect."""
