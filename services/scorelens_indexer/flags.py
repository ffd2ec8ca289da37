"""Marks on a record that tell its reader what to know about it; docs/records.md explains each."""

from typing import Final

DOES_NOT_ADD_UP: Final = "does_not_add_up"
NOT_FINITE: Final = "not_finite"
DUPLICATE_TAG: Final = "duplicate_tag"
TEXT_TRUNCATED: Final = "text_truncated"
ANSWER_TRUNCATED: Final = "answer_truncated"
