"""What can be redacted, by the names of the setting. Light, so that a wrong name is found before anything starts."""

from __future__ import annotations

from scorelens_runtime.errors import SettingError

PATTERNS = ("email", "iban", "card", "phone")
"""Masked wherever they stand in free text."""
HASHED = {"author": "author", "customer.id": "customer_id", "document.id": "id"}
"""Names that one joins by, and their fields of a document; they become a keyed hash."""
DROPPED = {"title": "title", "text": "text", "source_uri": "source_uri"}
"""Words, and their fields of a document; they are left out."""
OTHERS = ("activity.text", "attributes", "user_agent")
"""Left out, too: texts of activity events, values of free attributes, and the caller's program."""

_SHORT = {"customer": "customer.id", "id": "document.id"}


def read_redactions(text: str) -> tuple[str, ...]:
    """Read names separated by commas; raises SettingError for one that is not known."""
    return known_redactions([part.strip() for part in text.split(",") if part.strip()])


def known_redactions(names: list[str]) -> tuple[str, ...]:
    """Return names as this module knows them; `document.` before a field's name may be there or not."""
    known = (*PATTERNS, *HASHED, *DROPPED, *OTHERS)
    full = [_SHORT.get(name, name if name in known else name.removeprefix("document.")) for name in names]
    for given, name in zip(names, full, strict=True):
        if name not in known:
            raise SettingError(f"{given!r} cannot be redacted; use any of {', '.join(known)}")
    return tuple(dict.fromkeys(full))
