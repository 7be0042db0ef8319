"""What runs: settings, fetching, sources, the night and the command line."""
