"""Errors of the spool.

ScorelensError
└── SpoolError             a spool cannot be opened or read
    └── SpoolLockedError   another process has it
"""

from scorelens_runtime.errors import ScorelensError


class SpoolError(ScorelensError):
    """A spool that cannot be opened or read."""


class SpoolLockedError(SpoolError):
    """A folder or cursor that another process has."""
