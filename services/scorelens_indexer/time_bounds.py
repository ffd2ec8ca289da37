"""Which times a record may have. An index per day in Elasticsearch must not become thousands by one wrong clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scorelens_indexer import times
from scorelens_indexer.errors import PermanentError
from scorelens_indexer.retention import cutoff

_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400
AHEAD: Final = _DAY
"""Seconds that a sender's clock may be ahead of ours."""
LONGEST: Final = 3653 * _DAY
"""Seconds since the oldest record that is taken where all are kept: ten years."""


@dataclass(frozen=True)
class TimeBounds:
    """What is taken; `keep` is the seconds that records are kept, 0 for ever."""

    keep: float = 0.0

    def check(self, nanoseconds: int, now: int) -> None:
        """Raise PermanentError for a span that began at a time for which there is no place; both since 1970."""
        if nanoseconds > now + AHEAD * _SECOND:
            raise PermanentError(
                f"start_time_unix_nano is {_written(nanoseconds)}, more than a day ahead: set the sender's clock"
            )
        if nanoseconds < now - LONGEST * _SECOND:
            raise PermanentError(f"start_time_unix_nano is {_written(nanoseconds)}, more than ten years ago")
        if self.keep and nanoseconds < self._oldest(now):
            raise PermanentError(
                f"start_time_unix_nano is {_written(nanoseconds)}, older than what is kept here (setting --keep)"
            )

    def _oldest(self, now: int) -> int:
        return int(cutoff(times.moment(now), self.keep).timestamp()) * _SECOND


def _written(nanoseconds: int) -> str:
    return times.from_unix_nanoseconds(nanoseconds)
