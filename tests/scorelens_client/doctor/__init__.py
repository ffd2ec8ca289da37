"""Tests of `scorelens doctor`: real parts, and each fault made for real."""
