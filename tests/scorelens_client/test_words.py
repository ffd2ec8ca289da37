"""`scorelens words` on a store, typed as a person does."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from scorelens_client.commands.words import command
from scorelens_client.sdk.selecting import words_field
from scorelens_store import significance
from scorelens_store.open import open_store
from scorelens_store.query.parse import parse
from tests.scorelens_client.system import run, store_of
from tests.scorelens_store.conftest import STORES
from tests.scorelens_store.records import START, make

SARCASM = "incredibly quick, only two hours on hold"


def _fill(where: str) -> str:
    opened = open_store(where)
    opened.put(
        [
            make(
                number,
                document={"id": f"d-{number}", "kind": "tweet", "text": SARCASM if number < 9 else f"late {number}"},
                tags=["complaint"],
                because=["complaint:on hold" if number < 9 else "complaint:late"],
                labels={"verdict": "wrong" if number < 9 else "right"},
            )
            for number in range(60)
        ]
    )
    opened.put([make(number, document={"id": f"d-{number}", "text": "thanks"}) for number in range(60, 90)])
    opened.close()
    return where


@pytest.fixture(scope="module", params=STORES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Fill a store of each kind: complaints, of which the sarcastic ones are labelled wrong, and praise."""
    for named in store_of(request.param, request):
        yield _fill(named or str(tmp_path_factory.mktemp("words") / "store"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Fill an embedded store with the same."""
    return _fill(str(tmp_path_factory.mktemp("words") / "store"))


def test_words_show_what_wrong_documents_have_in_common(store: str, tmp_path: Path) -> None:
    """The words, their counts on both sides and what to do next are shown; the search that is named finds them."""
    found = run(tmp_path, "words", "tag:complaint label.verdict:wrong", "--against", "tag:complaint", "--store", store)
    assert found.status == 0, found.err
    head, first, *others = found.out.splitlines()
    assert head.split() == ["word", "these", "others", "times"]
    assert first.split()[:-1] == ["hold", "9", "100.0%", "0", "0.0%", "only", "here"]
    assert {line.split()[0] for line in others} == {"hours", "incredibly", "on", "only", "quick", "two"}
    said = found.err.splitlines()
    assert said[0] == "9 documents compared with 51 others"
    assert said[1] == "the 9 documents with the first of them:"
    listed = run(tmp_path, *shlex.split(said[2])[1:], "--limit", "20", "--json")
    assert {line["document"]["id"] for line in listed.lines} == {f"d-{number}" for number in range(9)}


def test_words_for_pipes_are_json(store: str, tmp_path: Path) -> None:
    """Each line is a word with its counts and its query; nothing else is on standard output."""
    options = ("--field", "because", "--limit", "1", "--json", "--store", store)
    (line,) = run(tmp_path, "words", "label.verdict:wrong", *options).lines
    assert line["score"] > 0
    assert line | {"score": 0} == {
        "word": "complaint:on hold",
        "count": 9,
        "share": 1.0,
        "other_count": 0,
        "other_share": 0.0,
        "score": 0,
        "query": 'label.verdict:wrong because:"complaint:on hold"',
    }


def test_the_next_command_keeps_the_options(folder: str, tmp_path: Path) -> None:
    """Times, purposes, store and folder of the question are those of the search that is named."""
    home = tmp_path / "a home"
    given = ("--since", "2026-01-01", "--until", "2027-01-01", "--purpose", "production", "--purpose", "test")
    found = run(tmp_path, "words", "label.verdict:wrong", *given, "--store", folder, "--home", str(home))
    (named,) = (line for line in found.err.splitlines() if "scorelens search" in line)
    assert shlex.split(named) == [
        *("scorelens", "search", "label.verdict:wrong hold"),
        *("--since", "2026-01-01T00:00:00+00:00", "--until", "2027-01-01T00:00:00+00:00"),
        *("--purpose", "production", "--purpose", "test", "--store", folder, "--home", str(home)),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("label.verdict:wrongg",), ["0 documents compared with 90 others", "did you mean label.verdict:wrong?"]),
        (("*",), ["90 documents compared with 0 others", "there are no others"]),
        (("*", "--against", "tag:complain"), ["with 0 others", "did you mean tag:complaint?"]),
        (("id:d-3",), ["1 document compared with 89 others", "none of them can be in 3 documents: lower --least"]),
        (("label.verdict:*", "--field", "kind", "--until", START.isoformat()), ["0 documents compared with 0 others"]),
        (("tag:complaint", "--against", "tag:complaint OR thanks", "--field", "model"), ["by more than chance"]),
    ],
)
def test_without_words_it_says_why(folder: str, tmp_path: Path, arguments: tuple[str, ...], said: list[str]) -> None:
    """Where there is nothing to show, the reason and what to change are said, and nothing is printed for pipes."""
    found = run(tmp_path, "words", *arguments, "--store", folder)
    assert (found.status, found.out) == (0, "")
    assert [part for part in said if part not in found.err] == []


def test_a_narrow_terminal_has_no_bars(folder: str, tmp_path: Path) -> None:
    """Rows fit into a narrow terminal, which has no room for bars, and into a wide one, which has."""
    for width, bars in ((60, False), (100, True)):
        out = run(tmp_path, "words", "label.verdict:wrong", "--store", folder, width=width).out
        assert max(map(len, out.splitlines())) <= width
        assert ("█" in out) is bars


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("*", "--field", "nix"), "--field: no record has a field 'nix'"),
        (("*", "--field", "audience"), "--field: document.audience is of type integer"),
        (("*", "--limit", "0"), "--limit"),
        (("tag:(a", "--against", "*"), "this bracket is never closed"),
        (("*", "--against", "kindd:x"), "did you mean kind"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """The option at fault, or the place in the query, is said, before a store is opened."""
    found = run(tmp_path, "words", *arguments)
    assert found.status != 0
    assert said in found.err


def examples() -> list[str]:
    """Return the commands that the help and the documentation show."""
    page = (Path(__file__).parents[2] / "docs" / "words.md").read_text("utf-8")
    return re.findall(r"scorelens words '.*?(?=`| {4}|\n)", f"{page}\n{command.help}\n")


@pytest.mark.parametrize("example", examples())
def test_examples_are_read(example: str) -> None:
    """What the help and the documentation show can be typed as it stands there."""
    asked = command.make_context("words", shlex.split(example)[2:]).params
    assert parse(" ".join(asked["query"])) != parse(asked["against"] or "")
    assert words_field(asked["field"]) == asked["field"]


def test_the_documentation_says_what_the_limits_are() -> None:
    """Numbers of the documentation are those of the code."""
    page = " ".join((Path(__file__).parents[2] / "docs" / "words.md").read_text("utf-8").split())
    assert f"in the {significance.EXAMINED:,} records of either side" in page
    assert f"up to {significance.CHARACTERS // 10**6} million characters, {significance.LONGEST:,} of each" in page
    assert f"the {significance.VALUES:,} most frequent values" in page
    assert f"at most {significance.MOST:,}" in page
    assert f"(above {significance.CHANCE:.2f}," in page


def test_foreign_text_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """Control characters of a value are replaced where it is shown, and kept as JSON writes them."""
    opened = open_store(tmp_path / "store")
    evil = {"id": "e", "text": "", "author": "a\x1b[31mb"}
    opened.put([make(number, document=evil, tags=["x"]) for number in range(9)])
    opened.put([make(number, document={"id": "o", "text": ""}) for number in range(9, 40)])
    opened.close()
    asked = ("words", "tag:x", "--field", "author", "--store", str(tmp_path / "store"))
    shown = run(tmp_path, *asked)
    assert "\x1b" not in shown.out + shown.err
    assert "a\ufffd[31mb" in shown.out
    assert json.loads(run(tmp_path, *asked, "--json").out)["word"] == "a\x1b[31mb"
