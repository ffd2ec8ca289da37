"""Tests of keeping, promoting and following versions of models."""
