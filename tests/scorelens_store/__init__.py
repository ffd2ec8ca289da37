"""Tests of the stores, their contract and the query language."""
