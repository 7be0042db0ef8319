"""Anyone's bibliographic files, read into one table of records; one module a format."""
