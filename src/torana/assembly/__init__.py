"""The composition root: names the concrete classes, and compiles a configuration into what runs."""
