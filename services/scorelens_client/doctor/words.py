"""Sizes and times as people read them (pure)."""

from __future__ import annotations

from typing import Final

_STEPS: Final = ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min"))


def size(number: float) -> str:
    """Return bytes."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if abs(number) < 1024:
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1024
    return f"{number:,.1f} TiB"


def age(seconds: float) -> str:
    """Return a length of time."""
    for unit, name in _STEPS:
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:,.0f} s"
