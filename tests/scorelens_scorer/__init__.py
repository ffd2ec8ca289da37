"""Tests of the scorer, its models and its corpus."""
