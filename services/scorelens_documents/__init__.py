"""Documents in files: rows of JSONL, CSV and Parquet, and the documents of the contract that they make."""
