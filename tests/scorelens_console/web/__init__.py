"""Tests of what stands between browsers and pages."""
