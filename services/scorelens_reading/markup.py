"""XML and HTML that is safe by construction: whatever is not Markup already is escaped."""

from __future__ import annotations

import html
import re
from typing import Final

HARMFUL: Final = re.compile(
    # Not allowed in XML, control characters, halves of characters, and marks that turn the direction of what follows.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)


class Markup(str):
    """Text that is markup."""

    __slots__ = ()


def readable(text: str) -> str:
    """Return foreign text on one line, with a replacement for characters that do harm or cannot be shown."""
    return " ".join(HARMFUL.sub("\N{REPLACEMENT CHARACTER}", text).split())


def shown(text: str) -> str:
    """Return foreign text of any number of lines, as long as it was, with a replacement for what does harm."""
    text = text.replace("\r\n", " \n").replace("\r", "\n")
    return HARMFUL.sub("\N{REPLACEMENT CHARACTER}", text)


def element(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """Return an element; underscores in names of attributes stand for hyphens, at their end for nothing."""
    written = "".join(
        f' {_attribute(key)}="{_escaped(value)}"' for key, value in attributes.items() if value is not None
    )
    if not children:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{''.join(map(_child, children))}</{name}>")


def join(*parts: Markup, between: str = "") -> Markup:
    """Return parts of markup one after the other."""
    return Markup(between.join(parts))


def _child(child: str) -> str:
    return child if isinstance(child, Markup) else html.escape(readable(child), quote=False)


def _escaped(value: str | float) -> str:
    return html.escape(readable(value)) if isinstance(value, str) else f"{value:.6g}"


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")
