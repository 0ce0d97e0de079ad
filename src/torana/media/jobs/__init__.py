"""Work that any provider may have done: each as the gateway asks for it, and as a worker does it."""
