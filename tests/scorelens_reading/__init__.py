"""Tests of what readers of records share."""
