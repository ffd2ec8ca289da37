"""The console: tagged documents for end users, and the calculation against each of them for data scientists."""
