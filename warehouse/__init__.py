"""What is stored and served. Never imports httpx, tenacity, prefect or flows."""
