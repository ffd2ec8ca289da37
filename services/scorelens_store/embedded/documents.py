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


def to_document(values: Values, source: bytes, slots: Slots) -> tuple[tantivy.Document, int]:
    """Return the document of a record, and how many of its fields found no column."""
    document = tantivy.Document()
    unmapped = 0
    for name, found in values.items():
        if name in FIELDS:
            _add_fixed(document, name, found)
        elif isinstance(found[0], str):
            for value in found:
                document.add_text(KEYED, keyed(name, str(value)))
        elif not _add_open_number(document, name, found, slots):
            unmapped += 1
            continue
        document.add_text(NAMES, name)
    document.add_unsigned(ORDER, order_of(str(values["record.id"][0])))
    document.add_bytes(SOURCE, source)
    return document, unmapped


def _add_fixed(document: tantivy.Document, name: str, found: list[Any]) -> None:
    match FIELDS[name].type:
        case Type.TEXT:
            _add_words(document, name, [str(value) for value in found])
        case Type.FLOAT:
            for value in found:
                document.add_float(name, value)
        case Type.INTEGER | Type.DATE:
            for value in found:
                document.add_integer(name, value)
        case Type.KEYWORD | Type.BOOLEAN:
            for value in found:
                document.add_text(name, value)


def _add_open_number(document: tantivy.Document, name: str, found: list[Any], slots: Slots) -> bool:
    slot = slots.assign(name)
    if slot is None:
        return False
    for value in found:
        document.add_float(slot_field(slot), value)
    return True


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
