"""Serves models over the scoring contract."""
