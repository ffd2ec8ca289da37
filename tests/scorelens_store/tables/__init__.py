"""Tests of records as Parquet tables."""
