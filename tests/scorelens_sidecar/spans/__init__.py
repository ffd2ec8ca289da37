"""Tests of the conversion of captured calls to spans."""
