"""What a document's page is made of besides its text and its sum: parts, events, versions, traces, reasons."""

from __future__ import annotations

import json
import shlex
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scorelens_console.core.activity import activity_of, summary_of
from scorelens_console.core.alike import Telling, candidates, telling
from scorelens_console.core.long_text import PART, part_of, passages_of
from scorelens_console.core.reasons import SAMPLE, sample_of, tagged, why_not
from scorelens_console.core.scores import scores_of
from scorelens_console.core.sending_again import commands, document_json, one_line, pretty, request_json
from scorelens_console.core.traces import calls_of
from scorelens_console.core.versions import compared, scored
from scorelens_documents.documents import document_of_record, read_document
from scorelens_runtime.endpoint import Endpoint
from scorelens_store.contract import Bucket
from scorelens_store.highlight import BEGIN, END
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import All, Range
from tests.scorelens_console.records import record


@given(st.text("ab \n", max_size=60).map(lambda text: text * 900), st.integers(-3, 9))
def test_parts_of_a_text_are_the_text(text: str, number: int) -> None:
    """No part is longer than it should be, together they are the text, and any number leads to one."""
    count = part_of(text, 1).count
    parts = [part_of(text, at) for at in range(1, count + 1)]
    assert "".join(part.text for part in parts) == text
    assert all(len(part.text) <= PART for part in parts)
    assert part_of(text, number).number in range(1, count + 1)


def test_passages_say_where_they_are() -> None:
    """Each passage has its words marked and knows the part of the text that it is in."""
    text = "nothing here " * 3000 + "still no refund " + "and so on " * 3000 + "Refund!"
    first, second = passages_of(parse("refund"), text)
    assert f"{BEGIN}refund{END}" in first.snippet
    assert "refund" in part_of(text, first.part).text
    assert second.snippet.startswith("… ")
    assert second.snippet.endswith(f"{BEGIN}Refund{END}!")
    assert second.part == part_of(text, 1).count


def test_events_are_listed_from_the_latest_on() -> None:
    """Columns that say nothing are left out, and an event of which something is missing is there."""
    activity = {
        "type": ["salary", "page_view", "page_view"],
        "time": ["2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-02-01T00:00:00+01:00"],
        "amount": [2100.0, 0.0],
        "currency": ["EUR", ""],
        "balance": [None, None, None],
    }
    found = activity_of({"activity": activity})
    assert [event.time[:7] for event in found.events] == ["2026-03", "2026-02", "2026-01"]
    assert (found.total, list(found.columns)) == (3, ["type", "time", "amount", "currency"])
    assert summary_of({"activity": activity}) == "3 events: page view, salary"
    assert activity_of({}).total == 0


def of_version(number: int, version: str, **parts: Any) -> dict[str, Any]:
    """Return a record of a version of the model."""
    return record(number, model={"id": "media-tagger", "version": version}, **parts)


def test_versions_stand_beside_the_page_s_own() -> None:
    """The latest score of each version is compared with the one that the page is about, tag by tag."""
    records = [of_version(0, "1"), of_version(1, "2"), of_version(2, "2"), of_version(3, "3", score={"new": 0.5})]
    history = scored(records, records[1]["record"]["id"])
    assert [one.version for one in history] == ["3", "2", "2", "1"]
    (comparison,) = compared(history)
    assert [(one.version, one.is_this) for one in comparison.versions] == [("2", True), ("3", False), ("1", False)]
    lines = {line.tag: line for line in comparison.lines}
    base, _, first = lines["refund"].cells
    assert base.score is not None
    assert first.score is not None
    assert first.probability_change == first.score.probability - base.score.probability
    assert first.margin_change == records[0]["margin"]["refund"] - records[1]["margin"]["refund"]
    assert lines["new"].cells[0].score is None
    assert lines["new"].turns


def test_a_trace_is_its_calls_with_their_documents() -> None:
    """Documents stand under the span of their call in their order, and so does a call that scored none."""
    ours = {"trace": {"id": "t"}}
    documents = [
        record(
            number, span={"id": f"s{number}", "parent_id": "call"}, document={"id": f"d{number}", "number": 2 - number}
        )
        for number in range(3)
    ]
    lost = record(7, record={"id": "x", "type": "call"}, span={"id": "lost"}, rpc={"status": "UNAVAILABLE"}, **ours)
    first, second = calls_of([lost, *documents])
    assert [one["document"]["id"] for one in first.documents] == ["d2", "d1", "d0"]
    assert (first.span, first.rpc["method"]) == ("call", "Score")
    assert (second.span, second.rpc["status"], list(second.documents)) == ("lost", "UNAVAILABLE", [])


def test_telling_words_are_rare_and_not_alone() -> None:
    """A word that only this document has finds nothing, and one that very many have tells nothing."""
    words = [Telling("the", 9, 900_000), Telling("unique", 1, 1), Telling("refund", 1, 4000), Telling("acme", 1, 90)]
    assert [word.word for word in telling(words, 1_000_000)] == ["acme", "refund"]
    text = "Refund refund no 日本 " + "x" * 300
    assert set(candidates(record(1, document={"text": text}))) >= {"refund", "日", "本"}
    assert "no" not in candidates(record(1, document={"text": text}))


def reasons_of(text: str, **changes: Any) -> dict[str, bool | None]:
    """Return which reasons of others are in a document, by feature."""
    one = record(0, document={"id": "d", "text": text})
    one["calculation"][0] |= changes
    (score,) = (score for score in scores_of(one) if score.tag == "complaint")
    buckets = [Bucket("complaint:late", 8), Bucket("negative:late", 9), Bucket("complaint:refund", 4)]
    answer = why_not(score, one, buckets, 10, 10)
    assert [reason.share for reason in answer.lacks if reason.feature == "late"] in ([0.8], [])
    return {reason.feature: reason.here for reason in (*answer.lacks, *answer.has)}


def test_reasons_of_others_are_here_or_not_or_nobody_can_tell() -> None:
    """A model of words has not what the text has not; of one with other features, only terms tell."""
    words = {"feature": ["still no"], "contribution": [1.0], "value": [1.0], "coefficient": [1.0]}
    assert reasons_of("still no refund", **words) == {"late": False, "refund": True}
    properties = words | {"feature": ["length of the text"]}
    assert reasons_of("still no refund", **properties) == {"late": None, "refund": True}
    assert reasons_of("still no refund", **properties, remainder_terms=0) == {"late": False, "refund": True}


def test_very_many_documents_are_sampled_by_their_ids() -> None:
    """A small selection is counted whole; of a large one those with the least ids."""
    selection = tagged("complaint", "media-tagger")
    assert sample_of(selection, SAMPLE) is selection
    query = sample_of(selection, 4 * SAMPLE).query
    assert isinstance(query, All)
    (bound,) = (part for part in query.parts if isinstance(part, Range))
    assert (bound.field.name, bound.high) == ("record.id", "40000000")


def test_a_document_is_sent_again_as_it_was() -> None:
    """The JSON makes the same document, on one line as well, and characters that do harm are escaped in it."""
    one = record(0, customer={"id": "c-1"}, activity={"type": ["salary"], "time": ["2026-01-01T00:00:00Z"]})
    one["document"]["text"] = "it's \u202eevil\x85\n'; rm -rf /"
    for text in (pretty(document_json(one)), one_line(document_json(one))):
        assert "\u202e" not in text
        assert read_document(json.loads(text)) == document_of_record(one)
    assert request_json(one)["model_version"] == "1"


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_commands_carry_any_text_through_a_shell(text: str) -> None:
    """The shell gives the programs the JSON as it is, whatever quotes the text has."""
    one = record(0)
    one["document"]["text"] = text
    grpcurl, scorelens = commands(one, Endpoint("127.0.0.1", 6000))
    arguments = shlex.split(grpcurl.text)
    assert json.loads(arguments[arguments.index("-d") + 1]) == request_json(one)
    assert "127.0.0.1:6000" in arguments
    assert json.loads(shlex.split(scorelens.text)[2]) == document_json(one)


def test_long_documents_are_sent_from_a_file() -> None:
    """A text that fits no command line is downloaded first."""
    one = record(0)
    one["document"]["text"] = "refund " * 1000
    texts = [command.text for command in commands(one, Endpoint("search.example", 443, tls=True))]
    assert all(len(text) < 400 for text in texts)
    assert "-plaintext" not in texts[0]
    assert f"{one['record']['id']}.request.json" in texts[0]
