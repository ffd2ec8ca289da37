"""One calculation: how the probability of a tag came about, and how a record keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from scorelens_store.contract import Json

EXPLANATIONS: Final = ("exact", "approximate", "none")


class Calculation(NamedTuple):
    """How the probability of one tag came about; numbers as they came, the lists of terms of one length."""

    tag: str
    explanation: str
    intercept: float
    features: Sequence[str]
    values: Sequence[float]
    coefficients: Sequence[float]
    contributions: Sequence[float]
    remainder: float
    remainder_terms: int
    margin: float
    link: str
    link_parameters: Mapping[str, float]
    probability: float
    threshold: float
    selected: bool
    intermediates: Mapping[str, float]


_WRITTEN: Final = (
    "tag",
    "explanation",
    "intercept",
    "feature",
    "value",
    "coefficient",
    "contribution",
    "remainder",
    "remainder_terms",
    "margin",
    "link",
    "link_parameters",
    "probability",
    "threshold",
    "selected",
    "intermediates",
)
"""Names of the fields of a calculation in a record, in their order."""


def write_calculations(calculations: Iterable[Calculation]) -> Json:
    """Return calculations as the JSON of a record, in which NaN and infinities are null.

    They are most of a record, and no store indexes them: as JSON they take the least time and memory on their way.
    """
    return Json(orjson.dumps([dict(zip(_WRITTEN, each, strict=True)) for each in calculations]))
