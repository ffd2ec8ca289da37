"""What the flags of a record mean, in words."""

from __future__ import annotations

from typing import Final

FLAGS: Final = {
    "does_not_add_up": "the calculation fails its own sum or link; do not trust it",
    "not_finite": "a number is a NaN, an infinity or too large",
    "duplicate_tag": "the model gave one tag twice; the last one counts here",
    "text_truncated": "the text was longer than what is recorded",
    "answer_truncated": "the answer was longer than what is recorded; scores or calculations are missing",
}


def explained(flag: str) -> str:
    """Return what a flag means; those of other versions are at least said to be there."""
    return FLAGS.get(flag, "marked by the indexer")
