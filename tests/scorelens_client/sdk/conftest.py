"""A scorer for every test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scorelens_client.sdk.server import Scorer


@pytest.fixture
def scorer() -> Iterator[Scorer]:
    """Serve a scorer."""
    running = Scorer().start()
    yield running
    running.stop()
