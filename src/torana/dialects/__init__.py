"""What upstreams speak, as pure functions both ways: no sockets, no addresses, no credentials."""
