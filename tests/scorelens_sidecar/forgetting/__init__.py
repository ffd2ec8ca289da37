"""Tests of forgetting in a sidecar's folder."""
