"""Somebody who looks at a console in a browser, and what went wrong in it meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from scorelens_console.access.identity import read_roles
from scorelens_console.access.links import make_link
from tests.scorelens_console.running import Running
from tests.tools.npm_packages import package
from tests.tools.places import ROOT

PICTURES: Final = ROOT / "build" / "screenshots"
DESKTOP: Final = (1280, 900)
PHONE: Final = (390, 844)

_SERIOUS: Final = ("serious", "critical")
_LIMIT: Final = 20_000  # milliseconds


@dataclass
class Looking:
    """A page, the requests that it made, and whatever the browser complained of."""

    page: Page
    url: str
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        """Open a page of the console and wait until it has settled."""
        self.page.goto(self.url + path)
        self.page.wait_for_load_state("load")
        return self.page

    def picture(self, name: str) -> None:
        """Keep a picture of what is seen, for people to look at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True, animations="disabled")

    def is_wider_than_the_window(self) -> bool:
        """Tell whether the page scrolls sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    def faults(self) -> list[str]:
        """Return what hinders people with disabilities, as axe-core judges, a line each."""
        self.page.evaluate((package("axe-core") / "axe.min.js").read_text("utf-8"))
        found: dict[str, Any] = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{fault['id']}: {node['html'][:160]} {node['failureSummary']}"
            for fault in found["violations"]
            if fault["impact"] in _SERIOUS
            for node in fault["nodes"]
        ]

    def close(self) -> None:
        """Leave, and fail for what the browser complained of or asked of others."""
        self.context.close()
        assert self.complaints == []
        assert self.foreign == []


def look(
    browser: Browser,
    console: Running,
    role: str,
    *,
    size: tuple[int, int] = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    zone: str = "UTC",
    expected: tuple[str, ...] = (),
) -> Looking:
    """Sign somebody in with a role, nobody for none; `expected` are complaints that a test provokes."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id=zone, locale="en-GB"
    )
    context.set_default_timeout(_LIMIT)
    page = context.new_page()
    looking = Looking(page, console.url, context)

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(part in message.text for part in expected):
            looking.complaints.append(f"{page.url}: {message.text}")

    def asked(request: Request) -> None:
        if not request.url.startswith((console.url, "data:", "blob:")):
            looking.foreign.append(request.url)

    page.on("console", heard)
    page.on("pageerror", lambda error: looking.complaints.append(f"{page.url}: {error}"))
    page.on("request", asked)
    if role:
        page.goto(f"{console.url}/signin?code={make_link(console.state, role, read_roles(role))}")
    return looking
