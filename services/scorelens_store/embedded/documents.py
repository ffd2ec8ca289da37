"""From a record's values to a document of the index (pure, but for the columns it takes)."""

from __future__ import annotations

from typing import Any, Final

import tantivy

from scorelens_store.embedded.schema import KEYED, NAMES, ORDER, SOURCE, keyed, order_of, slot_field
from scorelens_store.embedded.slots import Slots
from scorelens_store.fields import FIELDS, Type
from scorelens_store.query.analysis import analyse, has_long_words, prepare
from scorelens_store.values import Values

VALUE_GAP: Final = 1000
"""Positions between two values of a text field, so that no phrase reaches across."""


def to_document(values: Values, source: bytes, slots: Slots, schema: tantivy.Schema) -> tuple[tantivy.Document, int]:
    """Return the document of a record, and how many of its fields found no column."""
    # One conversion of a dict is half the cost of a call for each value; only of bytes it takes one by one.
    fields: dict[str, Any] = {ORDER: order_of(str(values["record.id"][0]))}
    texts: dict[str, list[str]] = {}
    keywords: list[str] = []
    names: list[str] = []
    unmapped = 0
    for name, found in values.items():
        field = FIELDS.get(name)
        if field is not None:
            (texts if field.type is Type.TEXT else fields)[name] = found  # type: ignore[assignment]
        elif isinstance(found[0], str):
            keywords += [keyed(name, str(value)) for value in found]
        elif (slot := slots.assign(name)) is not None:
            fields[slot_field(slot)] = found
        else:
            unmapped += 1
            continue
        names.append(name)
    document = tantivy.Document.from_dict({**fields, KEYED: keywords, NAMES: names}, schema)
    document.add_bytes(SOURCE, source)
    for name, found_texts in texts.items():
        _add_words(document, name, found_texts)
    return document, unmapped


def _add_words(document: tantivy.Document, name: str, texts: list[str]) -> None:
    if len(texts) == 1 and not has_long_words(texts[0]):
        document.add_text(name, prepare(texts[0]))
        return
    words: list[tantivy.Token] = []
    position = 0
    for text in texts:
        for token in analyse(text):
            words.append(tantivy.Token(token.word, position, 0, 0))
            position += 1
        position += VALUE_GAP
    document.add_pre_tokenized_text(name, tantivy.PreTokenizedString("", words))
