"""Whether documents have anything that a model reads; a column of text under another name is easily overlooked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from scorelens.v1.scorer_pb2 import Document


def overlooked(documents: Iterable[Document]) -> str:
    """Return the column that is likely the text of documents that have none, empty where some have text or events.

    That is the attribute with the most characters in all; documents without attributes have no such column.
    """
    lengths: Counter[str] = Counter()
    for document in documents:
        if document.text or document.title or document.events:
            return ""
        lengths.update({name: len(value) for name, value in document.attributes.items()})
    return max(lengths, key=lambda name: lengths[name], default="")
