"""Errors of the scorer.

ScorelensError
├── ModelRefusedError   a model cannot be served: its folder, its name or its tags are wrong; the start fails
└── ModelFaultError     a served model raised, or returned what its interface does not allow; one call fails
"""

from scorelens_runtime.errors import ScorelensError


class ModelRefusedError(ScorelensError):
    """A model that cannot be served."""


class ModelFaultError(ScorelensError):
    """A model that broke its word while it scored; for the log, not for callers."""
