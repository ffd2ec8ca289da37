"""Trains the reference models on the generated corpus."""
