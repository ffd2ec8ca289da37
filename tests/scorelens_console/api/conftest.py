"""Programs that use the API of a console."""

from __future__ import annotations

import httpx
import pytest

from tests.scorelens_console.running import Running


@pytest.fixture(scope="module")
def viewing(console: Running) -> httpx.Client:
    """A program with a viewer's token."""
    return console.program("viewer")


@pytest.fixture(scope="module")
def exploring(console: Running) -> httpx.Client:
    """A program with a data scientist's token."""
    return console.program("scientist")
