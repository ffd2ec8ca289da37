"""Errors of the stores.

ScorelensError
├── QueryError                the query cannot be read; knows the place
└── StoreError                base of what a store can raise
    ├── StoreUnavailableError also UnavailableError: away, overloaded, read-only or refusing credentials; try again
    │   └── PartUnavailableError  some of the records of a put, while the others were stored
    ├── StoreDamagedError     what is on disk cannot be read
    ├── RecordNotFoundError   no record has the id
    └── RecordRefusedError    a record or a label can never be stored
"""

from scorelens_runtime.errors import ScorelensError, UnavailableError


class QueryError(ScorelensError):
    """A query that cannot be read."""

    def __init__(self, reason: str, query: str = "", position: int | None = None) -> None:
        """Keep the reason, the query and the place in it, counted in characters from 0."""
        super().__init__(reason)
        self.reason, self.query, self.position = reason, query, position

    def __str__(self) -> str:
        if self.position is None:
            return f"the query cannot be read: {self.reason}"
        line = self.query.replace("\n", " ").replace("\t", " ")
        return (
            f"the query cannot be read at character {self.position + 1}: {self.reason}\n"
            f"  {line}\n  {' ' * self.position}^"
        )


class StoreError(ScorelensError):
    """A store could not do what was asked."""


class StoreUnavailableError(StoreError, UnavailableError):
    """The store is away, overloaded, read-only or refuses the credentials; the same call may succeed later."""


class PartUnavailableError(StoreUnavailableError):
    """Some of the records that were put cannot be stored now; put apart from them, the others can."""


class StoreDamagedError(StoreError):
    """What the store holds on disk cannot be read."""


class RecordNotFoundError(StoreError):
    """No record has the id."""


class RecordRefusedError(StoreError, ValueError):
    """A record or a label that can never be stored, and why."""
