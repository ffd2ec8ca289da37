"""Rows of files of any size: one at a time, numbered, with what they looked like.

A file is JSONL, CSV, TSV or Parquet, told by its name's end (.jsonl .ndjson .csv .tsv .parquet, the first four also
with .gz), by its first bytes, or by `form`. Good rows are yielded, bad ones are told to `reject`, and reading goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO

from scorelens_documents import forms, parquet
from scorelens_documents.csv_rows import CsvRows
from scorelens_documents.jsonl import JsonlRows
from scorelens_documents.row import Reject, Row, Rows
from scorelens_documents.source import Source, open_source

__all__ = ["Reject", "Row", "Rows", "open_rows", "read_rows"]


def open_rows(
    path: str, *, reject: Reject, form: str = "", after: int = 0, delimiter: str = ""
) -> AbstractContextManager[Rows]:
    """Open a file, or standard input for "-", and yield the rows whose number is greater than `after`.

    `form` is jsonl, csv, tsv or parquet, empty to tell it by the name or the first bytes; `delimiter` is what separates
    the cells of a CSV file, empty to tell it by the header. Raises FileError that names the file where it cannot be
    read, or its form cannot be told.
    """
    return _opened(path, reject, form, after, delimiter)


def read_rows(file: BinaryIO, *, reject: Reject, form: str = forms.JSONL) -> Rows:
    """Read rows of text from an open file."""
    return _of_text(Source("the input", file), reject, form, 0, "")


@contextmanager
def _opened(path: str, reject: Reject, form: str, after: int, delimiter: str) -> Iterator[Rows]:
    with open_source(path) as source:
        form = form or forms.tell(path, source.head())
        if form == forms.PARQUET:
            with parquet.open_parquet(path, reject, after) as rows:
                yield rows
        else:
            yield _of_text(source, reject, form, after, delimiter)


def _of_text(source: Source, reject: Reject, form: str, after: int, delimiter: str) -> Rows:
    forms.refuse_foreign(source.name, source.head())
    if form == forms.JSONL:
        return JsonlRows(source, reject, after)
    return CsvRows(source, reject, after, "\t" if form == forms.TSV else delimiter)
