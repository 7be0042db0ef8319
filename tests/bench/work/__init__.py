"""What is measured: each function runs in a process of its own, with JSON in and JSON out."""
