"""Errors of reading files of documents.

ScorelensError
├── FileError        a file that cannot be read as a whole: missing, damaged, of no known form, without a column
└── DocumentError    one row that is not a document; the others go on
"""

from scorelens_runtime.errors import ScorelensError


class FileError(ScorelensError):
    """A file that cannot be read, named in the text."""


class DocumentError(ScorelensError):
    """A row that is not a document; `field` is empty when the row as a whole is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field, self.reason = field, reason
