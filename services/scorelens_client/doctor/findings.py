"""What a check says: one line each, with a mark."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"
    SKIPPED = "not checked"


@dataclass(frozen=True)
class Finding:
    """What one check of a part says, and what to do about it; `advice` is empty where there is nothing to do.

    `last` tells of a failure that nothing further can be asked behind it.
    """

    part: str
    check: str
    mark: Mark
    text: str
    advice: str = ""
    last: bool = False


def ok(part: str, check: str, text: str) -> Finding:
    """Return that all is well."""
    return Finding(part, check, Mark.OK, text)


def warn(part: str, check: str, text: str, advice: str) -> Finding:
    """Return that something is to be seen to before it becomes a failure."""
    return Finding(part, check, Mark.WARN, text, advice)


def fail(part: str, check: str, text: str, advice: str) -> Finding:
    """Return that something does not work, and that what would be asked next cannot be."""
    return Finding(part, check, Mark.FAIL, text, advice, last=True)


def skipped(part: str, check: str, advice: str) -> Finding:
    """Return that nothing could be told, and what it would need."""
    return Finding(part, check, Mark.SKIPPED, "not checked", advice)
