"""Errors of the scorer.

ScorelensError
├── RegistryError       versions of models cannot be kept, found or put to use
├── ModelRefusedError   a model cannot be served: its folder, its name or its tags are wrong; the start fails
└── ModelFaultError     a served model raised, or returned what its interface does not allow; one call fails
"""

from scorelens_runtime.errors import ScorelensError


class RegistryError(ScorelensError):
    """Something about the versions of models that are kept; nothing was changed."""


class ModelRefusedError(ScorelensError):
    """A model that cannot be served."""


class ModelFaultError(ScorelensError):
    """A model that broke its word while it scored; for the log, not for callers."""
