"""Documents that attack: whatever stands in them is text on every page, for every role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, Final

import httpx
import pytest
from markupsafe import escape

from tests.scorelens_console.records import TAGS, record
from tests.scorelens_console.routes import QUERIES, Address, pages
from tests.scorelens_console.running import Running, running

ATTACKS: Final = (
    "<x-evil evil=1>",
    '"><x-evil evil=1>',
    "'><x-evil evil=1>",
    "</title></textarea></script></style><x-evil evil=1>",
    '" evil="1" onmouseover="alert(1)',
    "' evil='1' onmouseover='alert(1)",
    "`><x-evil evil=1>",
    "<!--<x-evil evil=1>",
    "{{ 7 * 191 }}{% raw %}",
    "${7*191} #{7*191}",
    "javascript:alert(1)//",
    "JaVa\tScRiPt:alert(1)",
    "data:text/html,<x-evil evil=1>",
    "//evil.example/x",
    "\x02<x-evil evil=1>\x03",
    "\x00\x1b[2J\u202egnp.exe\ufeff",
    "&lt;x-evil evil=1&gt; &#60;x-evil evil=1&#62;",
    "x\r\nSet-Cookie: evil=1\r\n\r\n<x-evil evil=1>",
    "<svg/onload=alert(1) evil=1>",
    "=cmd|' /C calc'!A0",
)
URLS: Final = ("href", "src", "action", "formaction", "poster", "cite", "data", "xlink:href", "srcset", "ping")
REQUESTS: Final = ("hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete")


def hostile(number: int, attack: str) -> dict[str, Any]:
    """Return a record that has an attack wherever foreign text can be."""
    made = record(number)
    names = ("id", "kind", "title", "language", "author", "source", "source_uri")
    made["document"] |= dict.fromkeys(names, attack)
    made["document"]["text"] = f"refund {attack} refund {attack}"
    made["document"]["attributes"] = {f"k{attack}": attack, "campaign": attack}
    made["document"]["length"] = len(made["document"]["text"])
    made |= {
        "customer": {"id": attack},
        "activity": {"type": [attack], "amount": [1.0], "currency": [attack], "product": [attack], "text": [attack]},
        "model": {"id": attack, "version": attack},
        "titles": dict.fromkeys(TAGS, attack),
        "groups": dict.fromkeys(TAGS, attack),
        "because": [f"{tag}:{attack}" for tag in TAGS],
        "flags": [attack],
        "labels": {"verdict": attack},
        "service": {"name": attack, "instance": {"id": attack}},
        "deployment": {"environment": {"name": attack}},
        "resource": {"k8s.pod.name": attack},
        "call": {"end": attack, "error": attack},
    }
    made["rpc"] |= {"service": attack, "method": attack, "status": attack}
    for one in made["calculation"]:
        one |= {"feature": [attack, "refund", *one["feature"][2:]], "link": attack, "explanation": "exact"}
        one["intermediates"] = {attack: 1.5}
    return made


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A console whose every record is an attack, more than once so that patterns see them, too."""
    found = [hostile(number, ATTACKS[number % len(ATTACKS)]) for number in range(3 * len(ATTACKS))]
    with running(tmp_path_factory.mktemp("console"), found) as console:
        yield console


class Seen(HTMLParser):
    """Reads a page as a browser does, and tells of what could run or lead astray."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self._within = ""
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element."""
        given = {name: value or "" for name, value in attrs}
        self._within = tag
        if tag in ("x-evil", "svg-evil", "iframe", "object", "embed", "base") or "evil" in given:
            self.wrong.append(f"an element of a document: {tag} {given}")
        if tag == "script" and not re.fullmatch(r"/static/[\w./-]+\.js\?v=[0-9a-f]+", given.get("src", "")):
            self.wrong.append(f"a script: {given}")
        if tag == "meta" and "http-equiv" in given:
            self.wrong.append(f"a header: {given}")
        for name, value in given.items():
            self._attribute(tag, name, value)

    def handle_data(self, data: str) -> None:
        """Look at a text."""
        self.text += data
        if self._within == "style" and re.search(r"evil|alert|cmd|url\(|@import", data):
            self.wrong.append(f"a style sheet: {data}")

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name.startswith(("on", "hx-on")) or name in ("srcdoc", "hx-vals", "hx-vars", "style:"):
            self.wrong.append(f"a script in {name}={value!r}")
        if name in REQUESTS and not re.match(r"/(?![/\\])", value):
            self.wrong.append(f"a request elsewhere: {name}={value!r}")
        if name in URLS:
            outside = tag == "a" and re.match(r"https?://", value)
            inside = re.match(r"(/(?![/\\])|#|\?)", value) or (tag == "form" and not value)
            if not outside and not inside:
                self.wrong.append(f"an address elsewhere: {tag} {name}={value!r}")
        if name == "style" and re.search(r"url\(|expression|@import|[<>{}]", value):
            self.wrong.append(f"a style: {value!r}")


def wrong_in(page: str) -> list[str]:
    """Return what a page has that no document may bring about."""
    seen = Seen()
    seen.feed(page)
    seen.close()
    if "1337" in seen.text:
        seen.wrong.append("an expression was worked out")
    return seen.wrong


def test_the_reader_of_pages_sees_attacks() -> None:
    """What the other test looks for would be found."""
    for attack in (
        "<x-evil evil=1>",
        '<b onclick="x">',
        '<a href="javascript:x">',
        '<a href="//evil.example">',
        "<script>x</script>",
        '<b hx-get="https://evil.example/">',
        '<b style="background:url(x)">',
    ):
        assert wrong_in(f"<p>{attack}</p>"), attack
    assert not wrong_in('<a href="/documents?q=%3Cx-evil%3E" title="&lt;x-evil&gt;">&lt;x-evil evil=1&gt;</a>')


@pytest.mark.parametrize("role", [pytest.param("viewer", marks=pytest.mark.heavy), "scientist"])
def test_whatever_a_document_holds_is_text(console: Running, role: str) -> None:
    """Every page with every attack, whole or as a part that a page loads, shows it and does nothing else."""
    person, shown = console.person(role), ""
    for place, address in enumerate(pages()):
        for number in range(len(ATTACKS)) if "{" in address.path else (0,):
            for query in (*QUERIES[:3], *_queries(place)) if number == 0 else QUERIES[:1]:
                answer = _asked(person, address, number, query)
                assert answer.status_code < 500, (address.path, query, answer.text)
                _check_headers(answer)
                if answer.headers.get("content-type", "").startswith("text/html"):
                    assert wrong_in(answer.text) == [], (address.path, number, query)
                    shown += answer.text
    for attack in ("<x-evil evil=1>", "javascript:alert(1)//", "{{ 7 * 191 }}", "=cmd|' /C calc'!A0"):
        assert str(escape(attack)) in shown


def _queries(place: int) -> Iterator[str]:
    """Yield an attack for each parameter, others for each page."""
    names = ("q", "kind", "tag", "sort", "period", "since", "after", "newest", "id", "customer", "next")
    for number, name in enumerate(names):
        yield str(httpx.QueryParams({name: ATTACKS[(place + 3 * number) % len(ATTACKS)]}))


def _asked(person: httpx.Client, address: Address, number: int, query: str) -> httpx.Response:
    record_id = f"{number:032x}"
    files = ("document.jsonl", "request.json", "record.json")
    values = {"record_id": record_id, "name": record_id, "view_id": "none", "file": files[number % 3], "tag": "refund"}
    path = address.filled(values)
    return person.get(f"{path}?{query}" if query else path)


def _check_headers(answer: httpx.Response) -> None:
    assert answer.headers["x-content-type-options"] == "nosniff"
    for name, value in answer.headers.items():
        assert "evil" not in name
        assert name != "set-cookie"
        if name == "location":
            assert re.match(r"/(?![/\\])", value), value
            assert "\\" not in value
        if name == "content-disposition":
            assert value.isascii()
            assert value.isprintable()
            assert value.startswith("attachment; filename=")
            assert value.count('"') == 2


def test_a_view_of_somebody_else_is_text_as_well(console: Running) -> None:
    """What people save and share is as foreign as a document."""
    author, reader = console.person("scientist", "eve"), console.person("scientist", "ada")
    for attack in ATTACKS:
        form = {"title": attack, "address": f"q={attack}", "columns": attack, "charts": attack, "shared": "1"}
        author.post("/views", data=form)
        author.post("/views", data=form | {"columns": "", "charts": "", "address": "q=refund"})
    found = reader.get("/views")
    assert wrong_in(found.text) == []
    addresses = set(re.findall(r'href="(/views/[^"]+)"', found.text))
    assert addresses
    for address in addresses:
        assert wrong_in(reader.get(address).text) == []
