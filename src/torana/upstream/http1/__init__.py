"""Our own HTTP/1.1 towards upstreams: each message is one write, each small reply one read."""
