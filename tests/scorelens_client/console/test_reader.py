"""Reading through a console: what the contract's tests do not show, which is whose token it is and what goes wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from scorelens_client.console import line
from scorelens_client.console.reader import ConsoleReader
from scorelens_client.console.settings import AccessSettings
from scorelens_client.sdk.errors import NotAllowedError
from scorelens_console.access.identity import Role
from scorelens_console.access.tokens import Tokens
from scorelens_runtime.errors import ScorelensError
from scorelens_runtime.secrets import Secret
from scorelens_store.contract import PAGE, Selection, Sort, Statistics
from scorelens_store.errors import QueryError, StoreDamagedError, StoreError, StoreUnavailableError
from scorelens_store.fields import FIELDS
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Equals, Everything
from tests.scorelens_console.records import record, records
from tests.scorelens_console.running import Running, running
from tests.tools.answering import Asked, answering
from tests.tools.certificates import Authority

EVERYTHING = Selection(Everything())
ALL = Selection(Everything(), purposes=(), calls=True)
NO_TOKEN = "scorelens_none"


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A console on sixty records."""
    with running(tmp_path_factory.mktemp("console"), records()) as found:
        yield found


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses before further tries that nobody has to wait for."""
    monkeypatch.setattr(line, "PAUSES", (0.01, 0.01))


@contextmanager
def reading(url: str, token: str = NO_TOKEN, **settings: Any) -> Iterator[ConsoleReader]:
    """Read a console by a token."""
    with closing(ConsoleReader(AccessSettings(url=url, token=Secret(token), **settings))) as reader:
        yield reader


def test_a_viewer_reads_documents_tags_and_probabilities(console: Running) -> None:
    """Whatever is asked, nothing of how they came about comes with them."""
    with reading(console.url, console.token("viewer")) as reader:
        assert reader.purposes == ("production",)
        pages = list(reader.pages(EVERYTHING, limit=60))
        found = [
            *(hit.record for page in pages for hit in page.hits),
            *reader.scan(EVERYTHING),
            *(hit.record for hit in reader.search(EVERYTHING, limit=60).hits),
        ]
        one = reader.get(f"{3:032x}")
    assert one is not None
    assert len(found) == 180
    for seen in (*found, one):
        assert {"document", "tags", "score", "titles"} <= set(seen)
        assert not {"margin", "threshold", "because", "calculation", "labels", "purpose"} & set(seen)


@pytest.mark.parametrize(
    "ask",
    [
        lambda reader: reader.count(Selection(parse("margin.complaint:>0"))),
        lambda reader: reader.search(EVERYTHING, sort=Sort("margin.complaint")),
        lambda reader: list(reader.pages(ALL, limit=3)),
        lambda reader: list(reader.scan(ALL)),
        lambda reader: reader.aggregate(EVERYTHING, {"a": Statistics("margin.refund")}),
        lambda reader: reader.significant_words(EVERYTHING, field="because"),
    ],
)
def test_what_is_for_another_role_is_refused_with_its_name(console: Running, ask: Callable[[Any], Any]) -> None:
    """A viewer is told who may ask that."""
    with reading(console.url, console.token("viewer", "ci")) as reader, pytest.raises(NotAllowedError) as told:
        ask(reader)
    assert str(told.value).endswith("is for data scientists; ci is signed in as viewer")


def test_a_scientist_of_some_models_reads_the_others_as_a_viewer(console: Running) -> None:
    """So that looking for every purpose would leave those out."""
    with reading(console.url, console.token("viewer,media-tagger=scientist")) as reader:
        assert reader.purposes == ("production",)
        assert "margin" in next(iter(reader.search(EVERYTHING).hits)).record
    with reading(console.url, console.token("scientist")) as reader:
        assert reader.purposes == ()
        assert reader.whoami()["roles"] == {"*": "scientist"}


def test_a_token_that_does_not_hold_is_named(console: Running) -> None:
    """Whoever reads on after it was revoked is told where it comes from."""
    key, token = Tokens(console.state).create("ci", {"*": Role.VIEWER})
    Tokens(console.state).revoke(key)
    for given in (token, NO_TOKEN):
        with reading(console.url, given) as reader, pytest.raises(NotAllowedError, match="SCORELENS_CONSOLE_TOKEN"):
            reader.count(EVERYTHING)


def test_what_cannot_be_is_an_error_of_the_query(console: Running) -> None:
    """The store's own reason, and no other."""
    with reading(console.url, console.token("scientist")) as reader:
        with pytest.raises(QueryError, match="the query cannot be read: records cannot be sorted by tags"):
            reader.search(EVERYTHING, sort=Sort("tags"))
        with pytest.raises(QueryError, match="after: this is not the end of a page"):
            reader.search(EVERYTHING, after=("a", "b", "c"))
        with pytest.raises(QueryError, match="what JSON cannot hold"):
            reader.count(Selection(Equals(FIELDS["document.id"], "\ud800")))


def test_ids_may_be_anything(console: Running) -> None:
    """What is no id of a record is none of another address either."""
    with reading(console.url, console.token("viewer")) as reader:
        for name in ("", ".", "..", "a/b", "../whoami", "%2e", "?", "#", "ä 😭", "\0", "x" * 3000):
            assert reader.get(name) is None


def test_texts_come_as_they_are(tmp_path: Path) -> None:
    """Signs that end lines elsewhere are part of a text here."""
    text = "one\u2028two\u2029three\x85four\x0bfive\x0csix\x1cseven\r\neight 😭"
    stored = record(1, document={"id": "d", "kind": "chat", "text": text})
    with running(tmp_path, [stored]) as console, reading(console.url, console.token()) as reader:
        (found,) = reader.scan(EVERYTHING)
        ((hit,),) = (page.hits for page in reader.pages(EVERYTHING, limit=5))
    assert found["document"]["text"] == hit.record["document"]["text"] == text


def test_a_long_listing_is_of_one_moment(tmp_path: Path) -> None:
    """What comes while it is read is not part of it."""
    stored = [record(number) for number in range(2 * PAGE + 50)]
    with running(tmp_path, stored) as console, reading(console.url, console.token()) as reader:
        pages = reader.pages(EVERYTHING, limit=10**6, sort=Sort("@timestamp"))
        first = next(pages)
        console.store.put([record(number) for number in range(5000, 5100)])
        rest = list(pages)
        assert [len(page.hits) for page in (first, *rest)] == [PAGE, PAGE, 50]
        assert {page.total for page in (first, *rest)} == {2 * PAGE + 50}
        assert reader.count(EVERYTHING) == 2 * PAGE + 150
        assert len(reader.search(EVERYTHING, limit=2 * PAGE + 10).hits) == 2 * PAGE + 10


def test_leaving_a_scan_early_ends_it(console: Running) -> None:
    """As many as one likes can be left, one after the other."""
    with reading(console.url, console.token()) as reader:
        for _ in range(15):  # more than one may have at a time
            next(reader.scan(EVERYTHING))
        assert len(list(reader.scan(EVERYTHING))) == 60


def test_a_closed_reader_says_so(console: Running) -> None:
    """It does not speak of connections."""
    with reading(console.url, console.token()) as reader:
        reader.count(EVERYTHING)
    with pytest.raises(ScorelensError, match="the reader is closed"):
        reader.count(EVERYTHING)


def test_certificates_are_checked(tmp_path: Path, quick: None) -> None:
    """A console is believed to be one if an authority that is trusted says so, and no other."""
    authority = Authority(tmp_path / "ca")
    own = authority.issue("console", "IP:127.0.0.1")
    with running(tmp_path, records(2), tls_cert=str(own.certificate), tls_key=str(own.key)) as console:
        url, token = console.url.replace("http://", "https://"), console.token()
        with reading(url, token) as reader, pytest.raises(StoreUnavailableError, match="certificate verify failed"):
            reader.count(EVERYTHING)
        with reading(url, token, ca_file=authority.certificate) as reader:
            assert reader.count(EVERYTHING) == 2


def test_a_console_that_is_away_is_asked_again(quick: None) -> None:
    """A few times, and then whoever reads is told."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with reading(f"http://127.0.0.1:{port}") as reader, pytest.raises(StoreUnavailableError, match="does not answer"):
        reader.count(EVERYTHING)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_console_that_is_busy_is_asked_again(quick: None, status: int) -> None:
    """What it or a proxy says in passing is not the last word."""
    answers = iter([(status, {"error": {"code": "unavailable", "message": "away"}}), (status, "no object")])

    def answer(asked: Asked) -> tuple[int, Any]:
        return next(answers, (200, {"count": 7}))

    with answering(answer) as server, reading(server.url) as reader:
        assert reader.count(EVERYTHING) == 7
        assert len(server.asked) == 3
        assert server.asked[0].headers["authorization"] == f"Bearer {NO_TOKEN}"


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (
            503,
            {"error": {"code": "unavailable", "message": "away"}},
            StoreUnavailableError,
            "cannot read the records now: away",
        ),
        (500, {"error": {"code": "damaged", "message": "torn"}}, StoreDamagedError, "torn"),
        (500, {"error": {"code": "unknown", "message": "hm"}}, StoreError, "cannot answer: hm"),
        (421, {"error": {"code": "wrong_host", "message": "not here"}}, StoreError, "not here"),
        (413, {"error": {"code": "too_large", "message": "too large"}}, QueryError, "too large"),
        (404, "<html>", StoreError, "does not answer as a console does"),
        (303, {}, StoreError, r"does not answer as a console does \(it answers with status 303\)"),
        (200, ["no object"], StoreError, "is it the address of one"),
        (200, {"unlike": "a console"}, StoreError, "is it the address of one"),
        (502, "<html>", StoreUnavailableError, "status 502"),
    ],
)
def test_errors_are_those_of_a_store(quick: None, status: int, body: Any, kind: type[Exception], text: str) -> None:
    """Whoever reads need not know what is between them and the records."""
    with answering(lambda _: (status, body)) as server, reading(server.url) as reader:
        with pytest.raises(kind, match=text):
            reader.count(EVERYTHING)
        with pytest.raises(kind, match=text):
            list(reader.scan(EVERYTHING))


def hang_up(connection: socket.socket) -> None:
    """End a connection so that all that was said arrives: one closed with something unread is reset."""
    with suppress(OSError):
        connection.settimeout(5)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


@contextmanager
def saying(*parts: bytes, ends: bool = True) -> Iterator[str]:
    """Run a server that says the same to everybody, as it is, and then hangs up or not."""
    server = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(b"".join(parts))
                if not ends:
                    over.wait(30)
                hang_up(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        over.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


FIRST, SECOND = {"record": {"id": "a"}}, {"record": {"id": "b"}}
LINES = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(content: bytes) -> bytes:
    """Return a part of an answer as HTTP sends it."""
    return b"%x\r\n%s\r\n" % (len(content), content)


def test_an_answer_that_breaks_off_is_not_taken_for_the_whole(quick: None) -> None:
    """What came is yielded, and then the error; nothing is yielded twice."""
    with (
        saying(LINES, chunk(b'{"record": {"id": "a"}}\n{"record": {"id": "b"}}\n{"rec')) as url,
        reading(url) as reader,
    ):
        got: list[Any] = []
        with pytest.raises(StoreUnavailableError, match="broke its answer off"):
            got.extend(reader.scan(EVERYTHING))
        assert got == [FIRST, SECOND]


def test_what_a_console_says_last_is_why_it_breaks_off(quick: None) -> None:
    """The reason of the store, such as that it went away on the way."""
    last = b'{"error": {"code": "unavailable", "message": "the store went away"}}\n'
    with saying(LINES, chunk(b'{"record": {"id": "a"}}\n'), chunk(last)) as url, reading(url) as reader:
        scan = reader.scan(EVERYTHING)
        assert next(scan) == FIRST
        with pytest.raises(StoreUnavailableError, match="the store went away"):
            next(scan)


def test_who_waits_for_a_console_waits_for_a_time(quick: None) -> None:
    """One that says nothing is asked once, and given up."""
    told = pytest.raises(StoreUnavailableError, match="did not answer in time")
    with saying(ends=False) as url, reading(url, timeout=0.2) as reader, told:
        reader.count(EVERYTHING)
