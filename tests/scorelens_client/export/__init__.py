"""Tests of exporting records."""
