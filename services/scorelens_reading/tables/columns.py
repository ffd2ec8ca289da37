"""The columns of tables, by name, and what kind of values each has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from scorelens_runtime.errors import ScorelensError

Form = Literal["documents", "scores", "terms"]
FORMS: Final = ("documents", "scores", "terms")

Columns = Mapping[str, str]
"""Names of columns, and the kind of their values: text, texts, words, whole, number, truth, time or events."""

Row = tuple[Any, ...]
"""Cells in the order of the columns."""

MODEL: Final[Columns] = {"document_id": "text", "model": "text", "version": "text"}
FIELDS: Final[Columns] = {
    "kind": "text",
    "title": "text",
    "text": "text",
    "language": "text",
    "author": "text",
    "source": "text",
    "source_uri": "text",
    "audience": "whole",
    "published_time": "time",
    "customer_id": "text",
    "events": "events",
    "attributes": "words",
}
"""Columns of a document."""
TAG: Final[Columns] = {
    "tag": "text",
    "tag_title": "text",
    "tag_group": "text",
    "probability": "number",
    "margin": "number",
    "threshold": "number",
    "selected": "truth",
    "explanation": "text",
    "intercept": "number",
    "remainder": "number",
    "remainder_terms": "whole",
}
WHY: Final = ("explanation", "intercept", "remainder", "remainder_terms")
"""Columns of a tag that its calculation has."""
TERM: Final[Columns] = {
    "tag": "text",
    "rank": "whole",
    "feature": "text",
    "value": "number",
    "coefficient": "number",
    "contribution": "number",
}

_OF_RECORD: Final = {"record_id": "text", "time": "time", "purpose": "text", **MODEL}
_FOUND: Final = {"tags": "texts", "because": "texts", "flags": "texts", "labels": "words", "trace_id": "text"}

RECORD: Final[Mapping[Form, Columns]] = {
    "documents": {**_OF_RECORD, **FIELDS, **_FOUND},
    "scores": {**_OF_RECORD, **TAG},
    "terms": {**_OF_RECORD, **TERM},
}
"""Columns of stored records, by the form of the table."""


def columns_of(forms: Mapping[Form, Columns], form: Form, tags: Sequence[str] = ()) -> Columns:
    """Return the columns of a form, with a column score.TAG of documents for each tag. Raises ScorelensError."""
    columns = forms.get(form)
    if columns is None:
        raise ScorelensError(f"form: {form!r} is none of {', '.join(forms)}")
    if isinstance(tags, str) or (tags and form != "documents"):
        raise ScorelensError('tags: must be a list of tags, and belongs to the form "documents"')
    return {**columns, **{f"score.{tag}": "number" for tag in tags}}
