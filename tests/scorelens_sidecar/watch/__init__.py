"""Tests of what watches a sidecar."""
