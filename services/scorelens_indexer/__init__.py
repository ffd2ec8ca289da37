"""Receives spans over OTLP and stores them as records."""
