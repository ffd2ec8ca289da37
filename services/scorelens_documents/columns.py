"""Which column of a file fills which field of a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scorelens.v1.scorer_pb2 import Document


@dataclass(frozen=True)
class Columns:
    """Fields of the contract by the column that fills each; a column without a field becomes an attribute.

    Columns that have a field's name fill it unless the mapping says otherwise.
    """

    named: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, pairs: tuple[str, ...]) -> Columns:
        """Read `field=column` pairs. Raises ScorelensError that names a pair that is none, or an unknown field."""
        raise NotImplementedError

    def document(self, values: Mapping[str, Any]) -> Document:
        """Make the document of a row's values. Raises DocumentError that names the column at fault."""
        raise NotImplementedError
