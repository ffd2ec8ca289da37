"""Which form a file has: by its name, or else by how it begins."""

from __future__ import annotations

from scorelens_documents.errors import FileError

JSONL, CSV, TSV, PARQUET = "jsonl", "csv", "tsv", "parquet"
FORMS = (JSONL, CSV, TSV, PARQUET)
ENDS = {".jsonl": JSONL, ".ndjson": JSONL, ".csv": CSV, ".tsv": TSV, ".parquet": PARQUET, ".pq": PARQUET}
PARQUET_MAGIC = b"PAR1"
MAKE_UTF8 = "; where it is Latin-1, this makes it UTF-8: iconv -f WINDOWS-1252 -t UTF-8"
MAKE_LINES = "; one object stands on each line, as these make it: jq -c .  or, of an array, jq -c '.[]'"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OTHER_ENCODINGS = (b"\xff\xfe", b"\xfe\xff")
_OTHER_PACKINGS = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip"}


def tell(path: str, head: bytes) -> str:
    """Return the form of a file; standard input is JSONL unless it says otherwise. Raises FileError."""
    name = path.lower().removesuffix(".gz")
    for end, form in ENDS.items():
        if name.endswith(end):
            return form
    if head.startswith(PARQUET_MAGIC):
        return PARQUET
    start = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if path == "-" or start.startswith(b"{") or not start:
        return JSONL
    if start.startswith(b"["):
        raise FileError(
            f"{path} is one JSON array; a file of documents has one object per line: jq -c '.[]' {path} > {path}l"
        )
    refuse_foreign(path, head)
    raise FileError(f"cannot tell the form of {path} by its name; name it: --format {'|'.join(FORMS)}")


def refuse_foreign(name: str, head: bytes) -> None:
    """Raise FileError for bytes that are no text in UTF-8 from the start."""
    if head.startswith(_OTHER_ENCODINGS):
        raise FileError(f"{name} is UTF-16; save it as UTF-8: iconv -f UTF-16 -t UTF-8")
    if head.startswith(PARQUET_MAGIC):
        raise FileError(f"{name} is Parquet, which is read from a file whose name ends in .parquet")
    for magic, packing in _OTHER_PACKINGS.items():
        if head.startswith(magic):
            raise FileError(f"{name} is packed with {packing}; unpack it, or pack it with gzip")
