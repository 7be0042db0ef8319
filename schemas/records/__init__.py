"""The record exactly as each source gives it, one module a source."""
