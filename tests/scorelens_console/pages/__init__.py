"""Tests of the pages, on real servers with real stores."""
