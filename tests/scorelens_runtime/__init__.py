"""Tests of what every component shares."""
