"""Scoring files of any size: in batches, at the best rate, and on from where an interrupted run stopped."""
