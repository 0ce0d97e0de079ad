"""How any upstream that makes pictures is asked: what it can do is data, how one speaks with it is a few steps."""
