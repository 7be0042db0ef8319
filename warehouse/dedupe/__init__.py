"""Which listings are one paper: one module a step."""
