"""Names of the indices that records go into. A record's own time names its index, so that a resend meets its twin."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_NAMES: Final = {"day": "%Y.%m.%d", "week": "%G.w%V", "month": "%Y.%m"}
_SUFFIX: Final = re.compile(r"(\d{4})\.(?:w(\d\d)|(\d\d)(?:\.(\d\d))?)")


def index_name(prefix: str, period: str, moment: datetime) -> str:
    """Return the name of the index that holds records of this moment."""
    name = moment.astimezone(UTC).strftime(_NAMES[period])
    # strftime pads years to four digits on some systems only.
    year, _, rest = name.partition(".")
    return f"{prefix}-{year.zfill(4)}.{rest}"


def index_pattern(prefix: str) -> str:
    """Return the pattern of the names of a prefix's record indices."""
    return f"{prefix}-*.*"


def period_end(prefix: str, name: str) -> datetime | None:
    """Return the first moment after an index's span; None for a name that is not of this prefix or past year 9999."""
    found = _SUFFIX.fullmatch(name.removeprefix(f"{prefix}-"))
    if found is None or not name.startswith(f"{prefix}-"):
        return None
    week, month, day = (None if part is None else int(part) for part in found.groups()[1:])
    try:
        return _end(int(found[1]), week, month, day)
    except (ValueError, OverflowError):
        return None


def _end(year: int, week: int | None, month: int | None, day: int | None) -> datetime:
    if week is not None:
        return datetime.fromisocalendar(year, week, 1).replace(tzinfo=UTC) + timedelta(days=7)
    if month is None:
        raise ValueError("neither week nor month")
    if day is not None:
        return datetime(year, month, day, tzinfo=UTC) + timedelta(days=1)
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
