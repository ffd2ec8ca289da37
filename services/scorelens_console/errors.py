"""Errors of the console; each has a text for people, and `web/failures.py` gives each its status.

ScorelensError
├── NotSignedInError      nobody is signed in, or the session has ended
├── NotAllowedError       somebody is signed in and may not do or see this
│   └── ForgedError       a page of another site, or of a session that has ended, asked for a change
├── WrongHostError        the console was reached by a name that is not its own
├── ProviderError         whoever signs people in does not answer, or not as it should
├── NotFoundError         what is asked for is not there, or not there for this person
├── BadRequestError       a parameter is wrong; the text names it
├── TooLargeError         a request is larger than it may be
└── TooManyError          somebody tries too often; trying again later helps
"""

from __future__ import annotations

from scorelens_runtime.errors import ScorelensError


class NotSignedInError(ScorelensError):
    """Nobody is signed in."""


class NotAllowedError(ScorelensError):
    """Somebody is signed in whose role does not include this."""


class ForgedError(NotAllowedError):
    """A change that whoever is signed in did not ask for, as far as can be told."""


class WrongHostError(ScorelensError):
    """A request by a host name that is not the console's."""


class ProviderError(ScorelensError):
    """A provider that does not sign people in as it should."""


class NotFoundError(ScorelensError):
    """Nothing is there that this person may see."""


class BadRequestError(ScorelensError):
    """A parameter that is wrong, named in the text."""

    def __init__(self, message: str, field: str = "") -> None:
        """Keep the name of the parameter for programs, which may be a path such as aggregations.tags.limit."""
        super().__init__(message)
        self.field = field


class TooLargeError(ScorelensError):
    """A request that is larger than it may be."""


class TooManyError(ScorelensError):
    """Something that somebody does too often."""

    def __init__(self, message: str, retry_after: float) -> None:
        """Keep how many seconds to wait before the next try."""
        super().__init__(message)
        self.retry_after = retry_after
