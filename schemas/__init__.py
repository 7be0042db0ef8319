"""What data looks like: rows, records, normal forms, errors. Imports nothing else of the project."""
