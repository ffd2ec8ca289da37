"""A console with sixty records that a module's tests share, and people who look at it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.scorelens_console.records import records
from tests.scorelens_console.running import Running, running


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A console on a store with sixty records; tests leave the records as they are."""
    with running(tmp_path_factory.mktemp("console"), records()) as found:
        yield found


@pytest.fixture(scope="module")
def viewer(console: Running) -> httpx.Client:
    """Somebody who sees documents, tags and probabilities."""
    return console.person("viewer")


@pytest.fixture(scope="module")
def scientist(console: Running) -> httpx.Client:
    """Somebody who sees calculations as well."""
    return console.person("scientist")
