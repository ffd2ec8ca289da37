"""A real API server for each overlay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.k8s.rendering import OVERLAYS
from tests.tools import api_server
from tests.tools.api_server import ApiServer
from tests.tools.missing import MissingPartError, missing


@pytest.fixture(scope="package", autouse=True)
def built() -> None:
    """Have everything that a server needs before the first test's time runs."""
    try:
        api_server.prepare()
    except MissingPartError as error:
        missing(str(error))


@pytest.fixture(scope="module")
def server(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server with nothing in it."""
    with api_server.running(tmp_path_factory.mktemp("kubernetes")) as running:
        yield running


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    """The name of each overlay."""
    return str(request.param)


@pytest.fixture
def own_server(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server with nothing in it, for one test alone."""
    with api_server.running(tmp_path_factory.mktemp("kubernetes")) as running:
        yield running
