"""How single answers to a bulk request are judged, and how records of failed puts are counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_store.elasticsearch.answers import Answer, judge, read_items
from scorelens_store.elasticsearch.doubts import Doubts


@pytest.mark.parametrize(
    ("status", "kind", "reason", "becomes"),
    [
        (201, "", "", "final"),
        (409, "version_conflict_engine_exception", "document already exists", "final"),
        (404, "", "", "final"),
        (400, "document_parsing_exception", "failed to parse field [document.audience]", "refused"),
        (400, "illegal_argument_exception", "Document contains at least one immense term", "refused"),
        (500, "null_pointer_exception", "it is null", "refused"),
        (429, "es_rejected_execution_exception", "queue is full", "busy"),
        (429, "circuit_breaking_exception", "Data too large", "busy"),
        (503, "no_shard_available_action_exception", "none", "busy"),
        (500, "i_o_exception", "disk", "busy"),
        (429, "cluster_block_exception", "disk usage exceeded flood-stage watermark", "trouble"),
        (403, "cluster_block_exception", "index read-only", "trouble"),
        (403, "security_exception", "action is unauthorized", "trouble"),
        (404, "index_not_found_exception", "no such index", "trouble"),
        (400, "index_closed_exception", "closed", "trouble"),
        (400, "illegal_argument_exception", "pipeline with id [x] does not exist", "trouble"),
        (503, "unavailable_shards_exception", "primary shard is not active", "trouble"),
    ],
)
def test_every_answer_is_judged_by_itself(status: int, kind: str, reason: str, becomes: str) -> None:
    """A record is done, refused for good, sent again at once, or left with its sender, by what is said of it."""
    item: dict[str, Any] = {"status": status} | ({"error": {"type": kind, "reason": reason}} if kind else {})
    answer = judge("elasticsearch", item)
    assert answer.final == (becomes in ("final", "refused"))
    assert answer.busy == (becomes == "busy")
    assert (answer.trouble is not None) == (becomes == "trouble")
    assert (answer.status == 400) == (becomes == "refused" or (becomes == "trouble" and status == 400))
    assert answer.reason == (reason if becomes != "final" else "")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.one_of(_JSON, st.fixed_dictionaries({"items": st.lists(_JSON, max_size=3)})), st.integers(1, 3))
def test_what_no_elasticsearch_says_is_never_taken_for_an_answer(body: Any, count: int) -> None:
    """Of any JSON, only as many results as there are changes are an answer, and each has a status that is judged."""
    items = read_items(body, count)
    if items is not None:
        assert len(items) == count
        assert all(isinstance(judge("elasticsearch", item), Answer) for item in items)


class Server:
    """Keeps ids, and answers a bulk request like Elasticsearch does."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def create(self, one: str) -> int:
        """Insert what is not there yet."""
        new = one not in self.ids
        self.ids.add(one)
        return 201 if new else 409


_PUTS = st.lists(
    st.tuples(
        st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True),
        st.sampled_from(["answered", "unanswered", "never sent", "part failed", "tried twice"]),
    ),
    max_size=12,
)


@given(_PUTS)
def test_whatever_puts_fail_each_record_counts_as_stored_once(puts: list[tuple[list[str], str]]) -> None:
    """After any run of puts of which some fail, what was told as stored is what the server has, each once."""
    server, doubts, told = Server(), Doubts(), Counter[str]()
    for ids, how in [*puts, (list("abcdef"), "answered")]:
        if how == "never sent":
            doubts.keep(ids, [Answer(0) for _ in ids])
        elif how == "unanswered":
            for one in ids:
                server.create(one)
            doubts.keep(ids, [Answer(0, unsure=True) for _ in ids])
        elif how == "part failed":
            answers = [Answer(server.create(one)) for one in ids[:-1]]
            doubts.keep(ids, [*answers, Answer(503)])
        else:
            if how == "tried twice":
                for one in ids:
                    server.create(one)
            answers = [Answer(server.create(one), unsure=how == "tried twice") for one in ids]
            new = doubts.settle(ids, answers)
            told.update(one for one, was in zip(ids, new, strict=True) if was)
    assert told == Counter(server.ids)
