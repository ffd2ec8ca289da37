"""Values as people read them: the filters of templates (pure)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup, escape

from scorelens_reading.markup import readable
from scorelens_store.highlight import BEGIN, END

_STEPS: Final = ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"), (86_400 * 60, 86_400, "d"))


def whole(number: float) -> str:
    """Return 1,234."""
    return f"{number:,.0f}"


def short(number: float) -> str:
    """Return 1.2k for large numbers."""
    for size, mark in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.1f}".removesuffix(".0") + mark
    return f"{number:.0f}"


def percent(share: float | None) -> str:
    """Return 12% or 0.4%, never 0% or 100% where it is not quite so; a dash for none."""
    if share is None or not math.isfinite(share):
        return "–"
    if 0 < share < 0.0005 or 0.995 <= share < 1:
        return "<0.1%" if share < 0.5 else ">99%"
    return f"{share:.0%}" if share >= 0.0995 or share == 0 else f"{share:.1%}"


def signed(number: float | None) -> str:
    """Return +1.23 or −0.40, a dash for none."""
    if number is None or not math.isfinite(number):
        return "–"
    return f"{number:+.2f}".replace("-", "−")


def ago(moment: str, now: datetime | None = None) -> str:
    """Return how long ago a moment was."""
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(moment)).total_seconds()
    if seconds < 5:
        return "now"
    return next((f"{seconds // size:.0f} {unit}" for limit, size, unit in _STEPS if seconds < limit), moment[:10])


def time_of(moment: str) -> Markup:
    """Return a time that a browser shows in its own zone, and that reads as UTC without scripts."""
    text = moment[:19].replace("T", " ")
    return _time(moment, text, f"{text} UTC")


def age_of(moment: str) -> Markup:
    """Return how long ago a moment was, with the moment itself as a hint."""
    text = moment[:19].replace("T", " ")
    return _time(moment, text, ago(moment), ' class="ago"')


def _time(moment: str, text: str, says: str, kind: str = "") -> Markup:
    # Every row has one, and Markup.format would take ten times as long.
    return Markup(  # noqa: S704 (what is foreign is escaped here)
        f'<time{kind} datetime="{escape(moment)}" title="{escape(text)} UTC">{escape(says)}</time>'
    )


def marked(snippet: str) -> Markup:
    """Return a snippet with what was searched for marked."""
    parts = [escape(part) for part in re.split(f"[{BEGIN}{END}]", readable_lines(snippet))]
    return Markup("".join(f"<mark>{part}</mark>" if at % 2 else part for at, part in enumerate(parts)))  # noqa: S704


def readable_lines(text: str) -> str:
    """Return foreign text without characters that do harm; marks of highlights and line ends stay."""
    return "\n".join(BEGIN.join(END.join(_pieces(part)) for part in line.split(BEGIN)) for line in text.splitlines())


def _pieces(text: str) -> Iterator[str]:
    for part in text.split(END):
        # Blanks at the ends stay: a marked word may be next to them.
        start, end = (" " if part[:1].isspace() else ""), (" " if len(part) > 1 and part[-1:].isspace() else "")
        yield start + readable(part) + end


def shortened(text: str, most: int = 280) -> str:
    """Return the beginning of a text on one line."""
    text = readable(text[: most * 2])
    return text if len(text) <= most else text[:most].rstrip() + " …"


def cell(value: object) -> str:
    """Return a value of a table."""
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else readable(str(value))


def as_json(value: object) -> str:
    """Return a value as JSON, for an attribute that a script reads."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "whole": whole,
    "short": short,
    "percent": percent,
    "signed": signed,
    "time": time_of,
    "ago": age_of,
    "marked": marked,
    "shortened": shortened,
    "readable": readable,
    "cell": cell,
    "json": as_json,
}
