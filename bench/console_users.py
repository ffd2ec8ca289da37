"""People at a console, each of whom clicks once a second: the load of bench/console.py, a process that ends by itself.

What a click does is what people do: search, filter, go on, open a document, come back. A listing asks for what is new
every three seconds beside that, as its page does in a browser. Reads what to do from its standard input as JSON, and
writes what it saw to its standard output.
"""

from __future__ import annotations

import asyncio
import html
import json
import random
import re
import sys
import time
from collections import Counter
from typing import Any, Final

import httpx

from bench.console_records import ALL_TAGS
from bench.records import KINDS, TOPICS

PAUSE: Final = 1.0
POLL: Final = 3.0
MIX: Final = {"document": 35, "search": 25, "facet": 15, "next": 10, "listing": 10, "suggest": 5}
"""What people click, of a hundred clicks."""
_LINKS: Final = {
    "document": re.compile(r'class="id" href="(/documents/[0-9a-f]{32}[^"]*)"'),
    "facet": re.compile(r'<li><a href="(/documents\?[^"]*)"'),
    "next": re.compile(r'<button hx-get="(/documents\?[^"]*)"'),
}
_LIVE: Final = re.compile(r'hx-get="(/documents/new\?[^"]*)"')


class Person:
    """Somebody with a session, and what is on their screen."""

    def __init__(self, client: httpx.AsyncClient, cookie: str, number: int, seen: dict[str, list[float]]) -> None:
        self._client, self._cookie, self._seen = client, {"Cookie": cookie}, seen
        self._chance, self._number = random.Random(number), number
        self._links: dict[str, list[str]] = {}
        self._live = ""
        self.errors: Counter[str] = Counter()

    async def run(self, seconds: float) -> None:
        """Click once a second, or as soon as the answer is there where that takes longer."""
        begin = time.monotonic() + PAUSE * self._chance.random()
        polling = asyncio.create_task(self._poll())
        for step in range(int(seconds / PAUSE)):
            await asyncio.sleep(max(0.0, begin + PAUSE * step - time.monotonic()))
            if time.monotonic() > begin + seconds:
                break
            await self._click()
        polling.cancel()

    async def _click(self) -> None:
        kind = self._chance.choices(list(MIX), list(MIX.values()))[0]
        address = self._address(kind)
        if address is None:
            kind, address = "listing", "/documents"
        text = await self._get(kind, address)
        if kind in ("listing", "search", "facet") and text:
            self._links = {name: pattern.findall(text) for name, pattern in _LINKS.items()}
            self._live = _first(_LIVE, text)
        elif kind == "next":
            self._links |= {name: _LINKS[name].findall(text) for name in ("document", "next")}
        elif kind == "document":
            self._live = ""

    def _address(self, kind: str) -> str | None:
        match kind:
            case "document" | "facet" | "next":
                found = self._links.get(kind)
                return html.unescape(self._chance.choice(found)) if found else None
            case "suggest":
                return f"/suggest?q=tag:{self._chance.choice(ALL_TAGS)[:2]}"
            case "search":
                return str(httpx.URL("/documents", params={"q": self._query()}))
        return "/documents"

    def _query(self) -> str:
        chance = self._chance
        one, two = chance.sample(TOPICS, 2)
        tag, kind = chance.choice(ALL_TAGS[:8]), chance.choice(KINDS)
        low = chance.randrange(50, 95)
        return chance.choice(
            [one, f"{one} {two}", f'"{one} {two}"', f"tag:{tag} {one}", f"kind:{kind} score.{tag}:>0.{low}"]
        )

    async def _poll(self) -> None:
        await asyncio.sleep(POLL * self._chance.random())
        while True:
            await asyncio.sleep(POLL)
            if address := self._live:
                text = await self._get("live", address, {"X-Background": "1"})
                if self._live == address:
                    self._live = _first(_LIVE, text)

    async def _get(self, kind: str, address: str, headers: dict[str, str] | None = None) -> str:
        began = time.perf_counter()
        try:
            answer = await self._client.get(address, headers=self._cookie | (headers or {}))
        except httpx.HTTPError as error:
            self.errors[type(error).__name__] += 1
            return ""
        self._seen[kind].append(time.perf_counter() - began)
        if answer.status_code != 200:
            self.errors[f"{kind}: {answer.status_code}"] += 1
            return ""
        return answer.text


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return html.unescape(found[1]) if found else ""


async def run(url: str, cookies: list[str], seconds: float) -> dict[str, Any]:
    """Let everybody click; return the seconds of each answer by kind, the errors, and how long it took."""
    seen: dict[str, list[float]] = {kind: [] for kind in (*MIX, "live")}
    # Connections that rest are given up before the console does so, which it does after five seconds.
    many = 2 * len(cookies)
    limits = httpx.Limits(max_connections=many, max_keepalive_connections=many, keepalive_expiry=2.0)
    async with httpx.AsyncClient(base_url=url, timeout=30, limits=limits) as client:
        people = [Person(client, cookie, number, seen) for number, cookie in enumerate(cookies)]
        began = time.monotonic()
        await asyncio.gather(*(person.run(seconds) for person in people))
        took = time.monotonic() - began
    errors: Counter[str] = sum((person.errors for person in people), Counter())
    return {"seen": seen, "errors": errors, "took": took, "cpu": time.process_time() / took}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(asyncio.run(run(asked["url"], asked["cookies"], asked["seconds"])), sys.stdout)
