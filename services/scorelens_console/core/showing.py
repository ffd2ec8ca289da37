"""Filters of the templates that show documents and their scores (pure); wording.py has those of every page."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from scorelens_console.core.activity import summary_of
from scorelens_console.core.scores import by_group, nearest
from scorelens_reading.flags import explained
from scorelens_reading.markup import shown


def part(share: float | None) -> str:
    """Return a share of 1 as a length, from 0% to 100%."""
    return f"{min(max(share, 0.0), 1.0):.1%}" if share is not None and math.isfinite(share) else "0%"


def exact(number: float | None, digits: int = 4) -> str:
    """Return a number in the digits that matter, a dash for none."""
    if number is None:
        return "–"
    return f"{number:.{digits}g}".replace("-", "−") if math.isfinite(number) else "not finite"


def exact_signed(number: float | None) -> str:
    """Return +1.2345, a dash for none."""
    if number is None:
        return "–"
    return f"{number:+.4f}".replace("-", "−") if math.isfinite(number) else "not finite"


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "part": part,
    "exact": exact,
    "exact_signed": exact_signed,
    "flag": explained,
    "activity": summary_of,
    "nearest": nearest,
    "by_group": by_group,
    "shown": shown,
}
