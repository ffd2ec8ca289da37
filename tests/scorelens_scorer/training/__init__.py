"""Tests of training models on files of one's own."""
