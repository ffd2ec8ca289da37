"""Tests of counting and exporting metrics."""
