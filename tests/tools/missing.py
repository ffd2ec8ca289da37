"""What to do about a part that cannot be had."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NoReturn

import pytest


class MissingPartError(Exception):
    """A part that cannot be had here; its text is one line that says how to get it."""


def missing(reason: str, environment: Mapping[str, str] = os.environ) -> NoReturn:
    """Skip the test with one line, or fail it where CI=true promises that every part is there."""
    if required(environment):
        pytest.fail(f"CI=true, and {reason}", pytrace=False)
    pytest.skip(reason)


def required(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a part that cannot be had is a failure."""
    return environment.get("CI", "").lower() == "true"
