"""Errors of the SDK; nothing of gRPC, tantivy or Elasticsearch passes it.

ScorelensError                what every error here is: its text is for people and says what to do
├── UnavailableError          a part does not answer; trying again may help
│   └── DeadlineError         the time that was given is over
├── RefusedError              the scorer refuses a document or the whole request, and why
├── StreamEndedError          a stream of documents ended early; knows how many were answered
├── NotFoundError             nothing is stored under the name, or a calculation is not there
├── NotAllowedError           a console does not know the token, or its role does not include this
├── DocumentError             (scorelens_documents) what is given is not a document; names the place and the field
├── QueryError, StoreError    (scorelens_store) the query cannot be read, or the store cannot answer
└── MissingExtraError         (scorelens_runtime) a library that is needed is not installed
"""

from __future__ import annotations

from scorelens_runtime.errors import ScorelensError, UnavailableError

__all__ = [
    "DeadlineError",
    "NotAllowedError",
    "NotFoundError",
    "RefusedError",
    "ScorelensError",
    "StreamEndedError",
    "UnavailableError",
]


class DeadlineError(UnavailableError):
    """The time that was given for a call is over."""


class RefusedError(ScorelensError):
    """A request that the scorer refuses; `code` is the name of its gRPC status.

    `place` is the document at fault, counted from 0, or None where the request as a whole is.
    """

    def __init__(self, message: str, code: str, place: int | None = None) -> None:
        super().__init__(message)
        self.code, self.place = code, place


class StreamEndedError(ScorelensError):
    """A stream that ended early: `answered` documents were answered and yielded, those after them were not."""

    def __init__(self, message: str, answered: int) -> None:
        super().__init__(message)
        self.answered = answered


class NotFoundError(ScorelensError):
    """Nothing is there under the name."""


class NotAllowedError(ScorelensError):
    """What a console shows to another role, or to nobody without a token that it knows."""
