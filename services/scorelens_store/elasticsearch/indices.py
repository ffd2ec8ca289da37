"""Names of the indices that records go into. A record's own time names its index, so that a resend meets its twin.

The name made of the time is what writers use. After its records were indexed anew it is an alias of one index that has
the same name and a number: `scorelens-2026.11.22-2`, then `-3`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_NAMES: Final = {"day": "%Y.%m.%d", "week": "%G.w%V", "month": "%Y.%m"}
_SUFFIX: Final = re.compile(r"(\d{4})\.(?:w(\d\d)|(\d\d)(?:\.(\d\d))?)")
_GENERATION: Final = re.compile(r"-([2-9]|[1-9]\d{1,8})")


def index_name(prefix: str, period: str, moment: datetime) -> str:
    """Return the name of the index that holds records of this moment."""
    name = moment.astimezone(UTC).strftime(_NAMES[period])
    # strftime pads years to four digits on some systems only.
    year, _, rest = name.partition(".")
    return f"{prefix}-{year.zfill(4)}.{rest}"


def index_pattern(prefix: str) -> str:
    """Return the pattern of the names of a prefix's record indices, those of every generation."""
    return f"{prefix}-*.*"


def is_index(prefix: str, name: str) -> bool:
    """Tell whether an index holds records of this prefix; a pattern takes those of `{prefix}-more` along."""
    return period_end(prefix, name) is not None


def writing_name(prefix: str, name: str) -> str:
    """Return the name that writers use for an index, whatever its generation."""
    return f"{prefix}-{_split(prefix, name)[0]}"


def ungenerated(name: str) -> str:
    """Return the name that writers use for an index of whatever prefix."""
    period, dash, number = name.rpartition("-")
    return period if "." in period and _GENERATION.fullmatch(dash + number) else name


def generation(prefix: str, name: str) -> int:
    """Return how often the records of an index were indexed, 1 where never anew."""
    return _split(prefix, name)[1]


def generation_name(prefix: str, name: str, number: int) -> str:
    """Return the name of an index's generation, 2 or more, whatever the generation of `name`."""
    return f"{writing_name(prefix, name)}-{number}"


def period_end(prefix: str, name: str) -> datetime | None:
    """Return the first moment after an index's span; None for a name that is not of this prefix or past year 9999."""
    found = _SUFFIX.fullmatch(_split(prefix, name)[0])
    if found is None or not name.startswith(f"{prefix}-"):
        return None
    week, month, day = (None if part is None else int(part) for part in found.groups()[1:])
    try:
        return _end(int(found[1]), week, month, day)
    except (ValueError, OverflowError):
        return None


def _split(prefix: str, name: str) -> tuple[str, int]:
    """Return the period and the generation in an index's name."""
    rest = name.removeprefix(f"{prefix}-")
    period, dash, number = rest.rpartition("-")
    return (period, int(number)) if dash and _GENERATION.fullmatch(dash + number) else (rest, 1)


def _end(year: int, week: int | None, month: int | None, day: int | None) -> datetime:
    if week is not None:
        return datetime.fromisocalendar(year, week, 1).replace(tzinfo=UTC) + timedelta(days=7)
    if month is None:
        raise ValueError("neither week nor month")
    if day is not None:
        return datetime(year, month, day, tzinfo=UTC) + timedelta(days=1)
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
