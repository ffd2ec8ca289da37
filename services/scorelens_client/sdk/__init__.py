"""The Python SDK: scoring, searching and pulling documents from notebooks and services."""
