"""Real parts for every test that asks for one; what cannot be had is skipped with a line that says how to get it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from tests.tools import elasticsearch, go
from tests.tools.elasticsearch import ElasticsearchServer
from tests.tools.missing import MissingPartError, missing

# A process with gRPC in it forks here now and then, and gRPC's threads must not go on in the child before its exec.
# gRPC reads this when it is first imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# Machines are noisy: how long an example takes tells nothing.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

OWN = ("own_elasticsearch", "second_elasticsearch")
"""Fixtures with servers that tests may kill."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the parts they ask for, so that `-m "not elasticsearch and not go"` leaves them out.

    Those that kill servers are heavy. Where several processes share the tests, those with the common server go to one
    of them, those that kill servers to one, and other files stay whole.
    """
    marks = dict.fromkeys(("elasticsearch_url", *OWN), "elasticsearch") | {"go_tools": "go"}
    for item in items:
        asked = getattr(item, "fixturenames", ())
        for name in {marks[name] for name in asked if name in marks}:
            item.add_marker(name)
        common = "elasticsearch_url" in asked or any(mark.name == "elasticsearch" for mark in item.iter_markers())
        own = not set(OWN).isdisjoint(asked)
        if own:
            item.add_marker("heavy")
        group = "own elasticsearch" if own else "elasticsearch" if common else item.path.name
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the ids of tests that did not pass, one a line, to the file that SCORELENS_TESTS_FAILED names."""
    if path := os.environ.get("SCORELENS_TESTS_FAILED"):
        reports = [*terminalreporter.getreports("failed"), *terminalreporter.getreports("error")]
        Path(path).write_text("".join(f"{name}\n" for name in dict.fromkeys(report.nodeid for report in reports)))


@pytest.fixture(scope="session")
def elasticsearch_url() -> Iterator[str]:
    """Address of an Elasticsearch server that all tests share; each keeps to an index prefix of its own."""
    if url := elasticsearch.given_url():
        yield url
        return
    with _server(elasticsearch.make_server) as server:
        yield server.url


@pytest.fixture(scope="session")
def own_elasticsearch() -> Iterator[ElasticsearchServer]:
    """A server to be killed and started again; every test finds it running if the last one did."""
    with _server(elasticsearch.make_first) as server:
        yield server


@pytest.fixture(scope="session")
def second_elasticsearch(own_elasticsearch: ElasticsearchServer) -> Iterator[ElasticsearchServer]:
    """A second server of the same cluster, which does not run yet."""
    try:
        server = elasticsearch.make_second(own_elasticsearch)
    except MissingPartError as error:
        missing(str(error))
    yield server
    server.close()


@contextmanager
def _server(make: Callable[[], ElasticsearchServer]) -> Iterator[ElasticsearchServer]:
    try:
        server = make()
    except MissingPartError as error:
        missing(str(error))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def go_tools() -> Path:
    """Folder with `interop_client` and `interop_server` of grpc-go, and `grpcurl`."""
    try:
        go.prepare()
    except MissingPartError as error:
        missing(str(error))
    return go.FOLDER
