"""Errors of the indexer.

ScorelensError
├── PermanentError            a span that can never become a record: it goes to the dead letters
├── MalformedError            a request that is not OTLP, or names something impossible
└── UnavailableError          (runtime) the sender keeps what it has and tries again later
    └── OverloadedError       so much is waiting for the store that no more is taken in now
"""

from scorelens_runtime.errors import ScorelensError, UnavailableError


class PermanentError(ScorelensError):
    """A span that can never be stored; the text names the attribute at fault."""


class MalformedError(ScorelensError):
    """A request that cannot be served whenever it is sent; the text names the field at fault."""


class OverloadedError(UnavailableError):
    """The bounds of what may wait for the store are reached."""
