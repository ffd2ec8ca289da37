"""Real parts that the tests need beyond Python: found, fetched or built once, and started when a test asks."""
