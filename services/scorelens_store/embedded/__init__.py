"""The store of one machine: a tantivy index in a folder, read by many processes and written by one."""

from scorelens_store.embedded.reader import EmbeddedReader, open_reader
from scorelens_store.embedded.store import EmbeddedStore, open_writer

__all__ = ["EmbeddedReader", "EmbeddedStore", "open_reader", "open_writer"]
