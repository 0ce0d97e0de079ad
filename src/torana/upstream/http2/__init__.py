"""The client for upstreams that speak HTTP/2, where an account asks for it; needs the extra ``torana[http2]``."""
