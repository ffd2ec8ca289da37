"""Exporting records of a store into a folder of Parquet tables, incrementally."""
