"""Libraries that only some uses need, imported when they do."""

from __future__ import annotations

import importlib
from typing import Any, Final

from scorelens_runtime.errors import MissingExtraError

_EXTRAS: Final = {"pyarrow": "scorelens[client]", "pandas": "scorelens[notebook]", "polars": "scorelens[notebook]"}


def pyarrow(purpose: str) -> Any:
    """Return pyarrow. Raises MissingExtraError that says what to install."""
    return _library("pyarrow", purpose)


def pandas(purpose: str) -> Any:
    """Return pandas. Raises MissingExtraError that says what to install."""
    return _library("pandas", purpose)


def polars(purpose: str) -> Any:
    """Return polars. Raises MissingExtraError that says what to install."""
    return _library("polars", purpose)


def _library(name: str, purpose: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{purpose} needs {error.name}, which is not installed: pip install {name}, or '{_EXTRAS[name]}'"
        ) from None  # what a person needs to know is in the text
