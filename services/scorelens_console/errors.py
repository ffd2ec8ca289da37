"""Errors of the console; each has a text for people, and `web/failures.py` gives each its status.

ScorelensError
├── NotSignedInError      nobody is signed in, or the session has ended
├── NotAllowedError       somebody is signed in and may not do or see this
├── NotFoundError         what is asked for is not there, or not there for this person
└── BadRequestError       a parameter is wrong; the text names it
"""

from __future__ import annotations

from scorelens_runtime.errors import ScorelensError


class NotSignedInError(ScorelensError):
    """Nobody is signed in."""


class NotAllowedError(ScorelensError):
    """Somebody is signed in whose role does not include this."""


class NotFoundError(ScorelensError):
    """Nothing is there that this person may see."""


class BadRequestError(ScorelensError):
    """A parameter that is wrong, named in the text."""
