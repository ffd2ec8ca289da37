"""What may come next in a query that is being written (pure, but for the values that it is given)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from scorelens_console.core.counting import quoted
from scorelens_console.core.tagbook import Tagbook
from scorelens_store.fields import ALIASES, FIELDS, Field, Type, find_field

MOST: Final = 8
_LAST: Final = re.compile(r"""(?P<sign>[-+!(]*)(?:(?P<field>[A-Za-z_@][\w.@-]*):)?(?P<word>"[^"]*|[^\s()"]*)$""")
_PLAIN: Final = re.compile(r"[\w-]+")
_OF_ONES_OWN: Final = {"label.": "labels.", "attributes.": "document.attributes."}
_EXAMPLES: Final = {
    Type.KEYWORD: "a value as a whole",
    Type.TEXT: "words",
    Type.FLOAT: ">0.7 or [0.4 TO 0.6]",
    Type.INTEGER: ">=1000",
    Type.DATE: ">now-1d or 2026-11-22",
    Type.BOOLEAN: "true or false",
}


@dataclass(frozen=True)
class Suggestion:
    """A whole query to go on with, what of it is new, and what that means."""

    query: str
    shown: str
    says: str = ""


Values = Callable[[Field], Iterable[tuple[str, int]]]
"""Returns the values of a keyword field with how many documents have each."""


def suggestions(query: str, tagbook: Tagbook, values: Values, is_open: Callable[[str], bool]) -> list[Suggestion]:
    """Return how the last word of a query may be completed, by fields for which `is_open`."""
    match = _LAST.search(query)
    if match is None or not (match["field"] or match["word"]):
        return []
    before = query[: match.start()] + match["sign"]
    word = match["word"].removeprefix('"')
    found = (
        _values(match["field"], word, tagbook, values, is_open) if match["field"] else _names(word, tagbook, is_open)
    )
    unique = {one.query: one for one in found}
    return [Suggestion(before + one.query, one.shown, one.says) for one in list(unique.values())[:MOST]]


def _names(word: str, tagbook: Tagbook, is_open: Callable[[str], bool]) -> Iterator[Suggestion]:
    small = word.casefold()
    if len(small) < 2:
        return
    for tag in tagbook.tags.values():
        if small in tag.title.casefold() or tag.id.startswith(small):
            yield Suggestion(f"tag:{tag.id} ", f"tag:{tag.id}", f"{tag.title}, {tag.group}")
    for short, full in ALIASES.items():
        if short.startswith(small) and is_open(full):
            yield Suggestion(f"{short}:", f"{short}:", _EXAMPLES[FIELDS[full].type])
    for full, field in FIELDS.items():
        if full.startswith(small) and is_open(full):
            yield Suggestion(f"{full}:", f"{full}:", _EXAMPLES[field.type])
    for prefix in ("score.", "margin.", "threshold."):
        if is_open(prefix) and (prefix.startswith(small) or small.startswith(prefix)):
            yield from _by_tag(prefix, small, tagbook)
    for prefix in ("label.", "attributes."):
        if prefix.startswith(small) and is_open(
            prefix.replace("label.", "labels.").replace("attributes.", "document.attributes.")
        ):
            yield Suggestion(prefix, f"{prefix}NAME:", "a name of your own")


def _by_tag(prefix: str, small: str, tagbook: Tagbook) -> Iterator[Suggestion]:
    rest = small.removeprefix(prefix) if small.startswith(prefix) else ""
    for tag in tagbook.tags.values():
        if tag.id.startswith(rest):
            yield Suggestion(f"{prefix}{tag.id}:", f"{prefix}{tag.id}:", f"{tag.title}; {_EXAMPLES[Type.FLOAT]}")


def _values(
    name: str, word: str, tagbook: Tagbook, values: Values, is_open: Callable[[str], bool]
) -> Iterator[Suggestion]:
    field = find_field(name)
    if field is None or field.type not in (Type.KEYWORD, Type.BOOLEAN) or not is_open(field.name):
        return
    small = word.casefold()
    for value, count in values(field):
        title = tagbook.title(value) if field.name == "tags" else ""
        if value.casefold().startswith(small) or (small and small in title.casefold()):
            written = value if _PLAIN.fullmatch(value) else quoted(value)
            says = f"{title}, {count:,}" if title else f"{count:,}"
            yield Suggestion(f"{name}:{written} ", f"{name}:{written}", says)
