"""Tests of the console, on real servers with real stores."""
