"""Whether another machine's clock agrees with this one's (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from scorelens_client.doctor.findings import Finding, fail, ok, warn
from scorelens_client.doctor.words import age

WARN_SKEW: Final = 5.0
FAIL_SKEW: Final = 300.0
"""Seconds by which clocks may differ. Spans from more than a day ahead become dead letters."""


def judged_clock(part: str, who: str, theirs: float, asked: float, answered: float, grain: float) -> Finding:
    """Judge a time that was told, rounded down to `grain` seconds, between two moments of this machine's clock."""
    earliest, latest = asked - grain, answered
    skew = theirs - latest if theirs > latest else min(0.0, theirs - earliest)
    if abs(skew) < WARN_SKEW:
        return ok(part, "clock", f"the clock of {who} agrees with this machine's")
    text = f"the clock of {who} is {age(abs(skew))} {'ahead of' if skew > 0 else 'behind'} this machine's"
    return (fail if abs(skew) >= FAIL_SKEW else warn)(
        part, "clock", text, "have both kept by NTP (timedatectl, chronyc)"
    )


def date_of(headers: Mapping[str, str]) -> float | None:
    """Return the time of an answer's Date, None where it has none."""
    try:
        return parsedate_to_datetime(str(headers["Date"])).timestamp()
    except (KeyError, TypeError, ValueError):
        return None
