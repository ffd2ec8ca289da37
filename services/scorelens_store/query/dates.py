"""Dates in queries: a date stands for the whole span that it names."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_DATE: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[Tt ](?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"(?P<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?)?)?)?"
)
_PARTS: Final = ("year", "month", "day", "hour", "minute", "second")
_STEP: Final = re.compile(r"([+-])(\d{1,6})([yMwdhHms])|/([yMwdhHms])")
_SECONDS: Final = {"w": 604800, "d": 86400, "h": 3600, "H": 3600, "m": 60, "s": 1}
_MICROSECOND: Final = timedelta(microseconds=1)
LAST: Final = datetime.max.replace(tzinfo=UTC)


def parse_date(text: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the first moment that a date names and the first one after it.

    Knows RFC 3339 cut off anywhere after the year (UTC without a zone) and date maths: `now-7d`, `now-1M/M`. Raises
    ValueError with the reason.
    """
    if text.startswith("now"):
        return _date_maths(text[3:], now)
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError("is not a date such as 2026-11-22, 2026-11-22T10:00:00Z or now-7d")
    try:
        return _span(found)
    except ValueError as exc:
        raise ValueError(f"is not a date: {exc}") from exc
    except OverflowError as exc:
        raise ValueError("is outside the years 1 to 9999") from exc


def _span(found: re.Match[str]) -> tuple[datetime, datetime]:
    given = [int(found[part]) for part in _PARTS if found[part] is not None]
    year, month, day, hour, minute, second = given + [1, 1, 1, 0, 0, 0][len(given) :]
    start = datetime(year, month, day, hour, minute, second, tzinfo=_zone(found["zone"])).astimezone(UTC)
    fraction = found["fraction"]
    if fraction is None:
        unit = "yMdhms"[len(given) - 1]
        return start, _add(start, 1, unit)
    start += timedelta(microseconds=int(fraction[:6].ljust(6, "0")))
    return start, start + timedelta(microseconds=10 ** max(0, 6 - len(fraction)))


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _date_maths(steps: str, now: datetime) -> tuple[datetime, datetime]:
    moment, end, at = now.astimezone(UTC), None, 0
    while at < len(steps):
        step = _STEP.match(steps, at)
        if step is None:
            raise ValueError(
                f"has {steps[at:]!r} where a step such as -7d or /d belongs; units are y, M, w, d, h, m and s"
            )
        at = step.end()
        if step[4]:
            moment = _floor(moment, step[4])
            end = _add(moment, 1, step[4])
        else:
            moment, end = _add(moment, int(step[1] + step[2]), step[3]), None
    return moment, end or moment + _MICROSECOND


def _add(moment: datetime, count: int, unit: str) -> datetime:
    try:
        if unit in _SECONDS:
            return moment + timedelta(seconds=count * _SECONDS[unit])
        months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        day = min(moment.day, calendar.monthrange(year, month + 1)[1])
        return moment.replace(year=year, month=month + 1, day=day)
    except (OverflowError, ValueError, IndexError) as exc:
        if count > 0 and moment.year + count > 9999:
            return LAST
        raise ValueError("is outside the years 1 to 9999") from exc


def _floor(moment: datetime, unit: str) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    match unit:
        case "y":
            return day.replace(month=1, day=1)
        case "M":
            return day.replace(day=1)
        case "w":
            return day - timedelta(days=day.weekday())
        case "d":
            return day
        case "h" | "H":
            return moment.replace(minute=0, second=0, microsecond=0)
        case "m":
            return moment.replace(second=0, microsecond=0)
    return moment.replace(microsecond=0)
