"""Records as Parquet tables `documents`, `scores` and `terms` in a folder; docs/export.md describes them."""

from scorelens_store.tables.errors import ExportError, FolderDamagedError, FolderInUseError
from scorelens_store.tables.forgetting import forget
from scorelens_store.tables.reading import read_records
from scorelens_store.tables.rows import Rows, record_of, rows_of

__all__ = [
    "ExportError",
    "FolderDamagedError",
    "FolderInUseError",
    "Rows",
    "forget",
    "read_records",
    "record_of",
    "rows_of",
]
