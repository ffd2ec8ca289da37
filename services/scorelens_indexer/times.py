"""Points in time as records write them: RFC 3339, UTC, microseconds at most."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1)
_SHAPE: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def from_unix_nanoseconds(nanoseconds: int) -> str:
    """Write a time since 1970 with six digits of fraction, cut and not rounded, so that it never lies ahead."""
    time = _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    return time.isoformat(timespec="microseconds") + "Z"


def moment(nanoseconds: int) -> datetime:
    """Return a time since 1970, cut to microseconds."""
    return (_EPOCH + timedelta(microseconds=nanoseconds // 1000)).replace(tzinfo=UTC)


def normalised(text: str) -> str:
    """Write an RFC 3339 time in UTC, its fraction cut to microseconds. Raises ValueError for anything else."""
    if not _SHAPE.fullmatch(text):
        raise ValueError(f"{text!r} is not a time such as 2026-11-22T10:00:00Z")
    try:
        time = datetime.fromisoformat(text.upper().replace(",", ".")).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} lies outside the years 1 to 9999") from error
    return time.replace(tzinfo=None).isoformat() + "Z"


def now() -> str:
    """Write the present time with milliseconds."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
