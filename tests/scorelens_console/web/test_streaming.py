"""Answers of any length: who waits for them, who leaves, and what goes wrong on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scorelens_console.errors import TooManyError
from scorelens_console.web import streaming
from scorelens_console.web.streaming import MOST, Streamed, Streams, together
from scorelens_runtime.errors import ScorelensError

PART = b"x" * 2**17
LIMIT = 30.0
"""Seconds to wait for what has to happen."""


class Source:
    """Makes parts, and tells how far it came."""

    def __init__(self, count: int = 10**9, fails_at: int = -1) -> None:
        self.made = 0
        self.closed = threading.Event()
        self.was_told = False
        self._count, self._fails_at = count, fails_at

    def parts(self, left: Callable[[], bool]) -> Iterator[bytes]:
        """Yield parts until the end, or until it fails."""
        try:
            while self.made < self._count:
                if self.made == self._fails_at:
                    raise ScorelensError("the store is away")
                self.made += 1
                yield PART
        finally:
            self.was_told = left()
            self.closed.set()


@contextmanager
def served(source: Source) -> Iterator[httpx.Client]:
    """Serve a source to anybody."""
    streams = Streams()

    def answer(request: Request) -> Response:
        return Streamed(source.parts, streams, "ada", "text/plain", last_words=lambda error: str(error).encode())

    async def refuse(request: Request, error: Exception) -> Response:
        return JSONResponse(str(error), 429 if isinstance(error, TooManyError) else 503)

    app = Starlette(routes=[Route("/", answer)], exception_handlers={ScorelensError: refuse})
    config = uvicorn.Config(app, port=0, http="h11", ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=LIMIT) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def test_all_parts_arrive() -> None:
    """In order, and the answer has an end."""
    source = Source(20)
    with served(source) as client:
        answer = client.get("/")
        assert (answer.status_code, answer.content) == (200, PART * 20)
        assert answer.headers["content-type"].startswith("text/plain")
        assert source.closed.wait(LIMIT)


def test_nothing_to_begin_with_is_an_error_of_its_own() -> None:
    """What goes wrong before the first part has its own status."""
    with served(Source(5, fails_at=0)) as client:
        answer = client.get("/")
        assert (answer.status_code, answer.json()) == (503, "the store is away")


def test_what_goes_wrong_later_breaks_the_answer_off() -> None:
    """It says why, and nobody can take it for the whole."""
    with served(Source(5, fails_at=3)) as client, client.stream("GET", "/") as answer:
        got: list[bytes] = []
        with pytest.raises(httpx.RemoteProtocolError):
            got.extend(answer.iter_bytes())
        assert b"".join(got) == PART * 3 + b"the store is away"


def test_whoever_leaves_ends_it() -> None:
    """The source is told, is closed, and did not run far ahead of who took its parts."""
    source = Source()
    with served(source) as client:
        with client.stream("GET", "/") as answer:
            assert next(answer.iter_bytes()).startswith(b"x")
        assert source.closed.wait(LIMIT)
        assert source.was_told
        assert source.made < 500


def test_who_takes_nothing_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a time the source is closed, though the connection is still there."""
    monkeypatch.setattr(streaming, "PATIENCE", 0.2)
    source = Source()
    with served(source) as client, client.stream("GET", "/"):
        assert source.closed.wait(LIMIT)
        assert source.made < 500


def test_one_person_gets_a_few_at_a_time() -> None:
    """The next one is refused until another has ended."""
    source = Source()
    with served(source) as client:
        held = [client.send(client.build_request("GET", "/"), stream=True) for _ in range(MOST)]
        assert client.get("/").status_code == 429
        held.pop().close()
        for _ in range(1000):
            another = client.send(client.build_request("GET", "/"), stream=True)
            another.close()
            if another.status_code == 200:
                break
        assert another.status_code == 200
        for one in held:
            one.close()


def test_asking_for_the_head_makes_no_part() -> None:
    """A browser that looks first costs nothing."""
    source = Source()
    with served(source) as client:
        assert client.head("/").status_code == 200
    assert source.made == 0


def test_lines_go_together_but_for_the_first() -> None:
    """The first shows at once that there is something; many small ones are one part, and no byte is lost."""
    lines = [b"%d\n" % number for number in range(100_000)]
    parts = list(together(iter(lines)))
    assert parts[0] == lines[0]
    assert b"".join(parts) == b"".join(lines)
    assert len(parts) < 50
