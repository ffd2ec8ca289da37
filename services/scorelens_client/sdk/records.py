"""What is stored of one scored document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from scorelens.v1.scorer_pb2 import Document
from scorelens_client.sdk.errors import NotAllowedError
from scorelens_client.sdk.scores import Scored
from scorelens_documents.documents import document_of_record
from scorelens_reading.calculation import Calculation
from scorelens_reading.seen import HIDDEN, is_in_part
from scorelens_reading.stored import Stored


@dataclass(frozen=True)
class Record(Stored, Scored):
    """One scored document as it is stored; `raw` is the whole record (docs/records.md).

    `relevance` and `highlights` (by field, with the matching words between U+0002 and U+0003) come from a search.
    """

    relevance: float = field(default=0.0, repr=False)
    highlights: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        return f"Record({self.id[:12]!r}, document_id={self.document_id!r}, tags={list(self.tags)})"

    @cached_property
    def document(self) -> Document:
        """The document as it was scored."""
        return document_of_record(self.raw)

    def calculation(self, tag: str | None = None) -> Calculation:
        """Return the calculation of a tag, by default the most probable one. Raises NotFoundError, NotAllowedError."""
        if is_in_part(self.raw):
            raise NotAllowedError(HIDDEN)
        return super().calculation(tag)

    def _repr_html_(self) -> str:
        from scorelens_client.sdk.html import record_html

        return record_html(self)
