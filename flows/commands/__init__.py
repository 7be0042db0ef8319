"""The commands, by who uses them; `flows.cli` puts them together."""
