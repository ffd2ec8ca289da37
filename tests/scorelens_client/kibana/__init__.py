"""Tests of what is made for Kibana, without a Kibana."""
