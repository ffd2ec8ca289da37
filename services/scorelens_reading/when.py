"""Times as people name them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_when(text: str, now: datetime) -> datetime:
    """Read a time that has passed since (`30m`, `2h`, `7d`), a day, or an RFC 3339 time; without a zone, UTC.

    Raises ValueError with a text for people.
    """
    ago = re.fullmatch(r"([0-9]{1,6})([smhdw])", text.strip())
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.strip()):
            return datetime.combine(date.fromisoformat(text.strip()), time(), UTC)
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{text!r} is not a time such as 30m, 2h, 7d (ago), 2026-11-22 or 2026-11-22T10:00:00Z"
        ) from error


def now() -> datetime:
    """Return the time in whole milliseconds, which is what Kibana's dates hold."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
