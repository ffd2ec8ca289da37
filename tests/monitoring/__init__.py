"""Tests of the alert rules, their runbooks and the page of metrics."""
