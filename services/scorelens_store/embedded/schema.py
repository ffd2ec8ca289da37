"""How a record lies in the index.

Fixed fields have an index field of their own name. Open number fields share a pool of number columns, assigned name by
name as they come, because a column of a declared type can be searched, sorted and aggregated exactly. Open keywords are
terms `name NUL value` of one field. `names` lists the fields that a record has values in.
"""

from __future__ import annotations

from typing import Final

import tantivy

from scorelens_store.fields import FIELDS, Field, Type
from scorelens_store.query.analysis import word_analyzer

FORMAT: Final = 1
"""Version of everything below; a folder of another version is refused."""

SOURCE: Final = "source"
NAMES: Final = "names"
KEYED: Final = "keyed"
ORDER: Final = "order"  # the first eight bytes of the record's id as a number that sorts like it

NUMBER_FIELDS: Final = 1536
"""How many names of open number fields are indexed; five hundred tags with score, margin and threshold each."""

_KEYWORD: Final = "keyword"
_WORDS: Final = "words"


def build_schema() -> tantivy.Schema:
    """Return the schema of the index."""
    builder = tantivy.SchemaBuilder()
    for field in FIELDS.values():
        _add(builder, field)
    for slot in range(NUMBER_FIELDS):
        builder.add_float_field(slot_field(slot), fast=True)
    builder.add_text_field(KEYED, fast=True, tokenizer_name=_KEYWORD, index_option="basic")
    builder.add_text_field(NAMES, tokenizer_name=_KEYWORD, index_option="basic")
    builder.add_unsigned_field(ORDER, fast=True)
    builder.add_bytes_field(SOURCE, stored=True)
    return builder.build()


def register_tokenizers(index: tantivy.Index) -> None:
    """Tell an index that was opened how words and keywords are read."""
    keyword = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).build()
    index.register_tokenizer(_KEYWORD, keyword)
    index.register_fast_field_tokenizer(_KEYWORD, keyword)
    index.register_tokenizer(_WORDS, word_analyzer())


_SLOT_FIELDS: Final = tuple(f"number.{slot}" for slot in range(NUMBER_FIELDS))


def slot_field(slot: int) -> str:
    """Return the name of a number column of the pool."""
    return _SLOT_FIELDS[slot]


def keyed(name: str, value: str) -> str:
    """Return the term of an open keyword field."""
    return f"{name}\0{value}"


def order_of(record_id: str) -> int:
    """Return a number that sorts as the record's id does, up to its first eight bytes."""
    return int.from_bytes(record_id.encode()[:8].ljust(8, b"\0"), "big")


def _add(builder: tantivy.SchemaBuilder, field: Field) -> None:
    match field.type:
        case Type.TEXT:
            builder.add_text_field(field.name, tokenizer_name=_WORDS)
        case Type.FLOAT:
            builder.add_float_field(field.name, fast=True)
        case Type.INTEGER | Type.DATE:
            # Dates are microseconds: tantivy's own dates keep seconds.
            builder.add_integer_field(field.name, fast=True)
        case Type.KEYWORD | Type.BOOLEAN:
            builder.add_text_field(field.name, fast=True, tokenizer_name=_KEYWORD, index_option="basic")
