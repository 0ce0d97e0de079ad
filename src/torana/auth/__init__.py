"""Who is asking: bearer tokens turned into principals."""
