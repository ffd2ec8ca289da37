"""Tests of scorelens_client.bulk."""
