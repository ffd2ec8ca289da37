"""What somebody may see who does not read a store itself: a console shows its records as far as a role goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from scorelens_store.contract import Reader

HIDDEN: Final = (
    "how this came about is for data scientists; the console's token is a viewer's, which shows documents, tags and "
    "probabilities"
)


def purposes_of(reader: Reader) -> tuple[str, ...]:
    """Return the purposes of the records that whoever reads may ask for, none where it is all of them."""
    found: tuple[str, ...] = getattr(reader, "purposes", ())
    return found


def is_in_part(record: Mapping[str, Any]) -> bool:
    """Tell whether a record was shown to a viewer, without what else is known of it."""
    return "document" in record and "purpose" not in record
