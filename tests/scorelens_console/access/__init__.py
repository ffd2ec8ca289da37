"""Tests of who somebody is, and how they came in."""
