"""Tag ids that can be part of a field's name."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

_ID: Final = re.compile(r"[a-z0-9_-]{1,64}")
_HASH_DIGITS: Final = 8
_SLUG_LENGTH: Final = 64 - 1 - _HASH_DIGITS


def is_tag_id(name: str) -> bool:
    """Tell whether a name may be part of a field's name as it is."""
    return _ID.fullmatch(name) is not None


def tag_id(name: str) -> str:
    """Return a name that is a tag id as it is, and any other as a slug and eight digits of its hash."""
    if is_tag_id(name):
        return name
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_-]+", "-", ascii_only).strip("-")[:_SLUG_LENGTH] or "tag"
    return f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:_HASH_DIGITS]}"
