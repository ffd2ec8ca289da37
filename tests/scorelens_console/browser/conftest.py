"""A browser, a console with records that are hard to show, and people who look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.scorelens_console.browser.looking import Looking, look
from tests.scorelens_console.browser.odd import odd_records
from tests.scorelens_console.records import records
from tests.scorelens_console.running import Running, running
from tests.tools import browser as browsers
from tests.tools.missing import MissingPartError, missing


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without a window, for one file: while it runs, nothing else in its thread can use asyncio."""
    try:
        path = browsers.find()
    except MissingPartError as error:
        missing(str(error))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(browsers.ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A console on a store of its own; tests may add records."""
    with running(tmp_path_factory.mktemp("browser"), [*records(), *odd_records()]) as found:
        yield found


@pytest.fixture
def look_at(chromium: Browser, shown: Running) -> Iterator[Callable[..., Looking]]:
    """Return what signs somebody in to the console in a browser of their own; problems of a page fail the test."""
    open_ones: list[Looking] = []

    def open_one(role: str = "", **how: Any) -> Looking:
        open_ones.append(look(chromium, shown, role, **how))
        return open_ones[-1]

    yield open_one
    for one in open_ones:
        one.close()
