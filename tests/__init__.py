"""Tests: behaviour in one sentence each, on real servers and files."""
