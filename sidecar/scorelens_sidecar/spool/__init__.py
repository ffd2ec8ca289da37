"""The spool: records on disk between the relay that appends them and the shipper that sends them on.

`SpoolWriter` appends, one per folder; `SpoolReader` follows, one per folder and destination; `read_account` tells what
became of every record. docs/spool.md describes the files and what survives what.
"""
