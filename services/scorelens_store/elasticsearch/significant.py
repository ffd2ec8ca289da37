"""Significant words: found by the server's own aggregation in a sample, then counted in all records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from scorelens_store.contract import SignificantWords
from scorelens_store.elasticsearch.query import Query, column, to_query
from scorelens_store.fields import Field, Type
from scorelens_store.query.tree import Node
from scorelens_store.significance import Question, Side

_OF_SHARD: Final = 10_000
"""Words that each shard names: what is rare in one may be frequent in all together."""

Search = Callable[[dict[str, Any]], dict[str, Any]]
ToQuery = Callable[[Node], Query]


def significant_words(search: Search, to: ToQuery, asked: Question) -> SignificantWords:
    """Return the words that mark one side; `search` sends the body of a request, `to` translates what people asked."""
    mine, other = (Side(node, _total(search, to(node))) for node in (asked.mine, asked.other))
    if not mine.total or not other.total:
        return asked.answer(mine, other, 0, (), lambda *_: ())
    # Keywords are counted without reading records, so that no sample is needed.
    is_text = asked.fields()[0].type is Type.TEXT
    query = to(mine.sample() if is_text else mine.node)
    least = asked.least_in(mine) if is_text else asked.least
    requests = {field.name: _request(field, to(asked.other), asked.counted, least) for field in asked.fields()}
    answer = search({"query": query, "size": 0, "track_total_hits": True, "aggs": requests})
    scores: dict[str, float] = {}
    for found in answer.get("aggregations", {}).values():
        for bucket in found["buckets"]:
            scores[str(bucket["key"])] = max(bucket["score"], scores.get(str(bucket["key"]), 0.0))
    words = sorted(scores, key=lambda word: (-scores[word], word))[: asked.counted]

    def counts(node: Node, words: Sequence[Node]) -> list[int]:
        return _counts(search, to(node), [to_query(word) for word in words])

    return asked.answer(mine, other, answer["hits"]["total"]["value"], words, counts)


def _request(field: Field, background: Query, size: int, least: int) -> dict[str, Any]:
    kind = "significant_text" if field.type is Type.TEXT else "significant_terms"
    wanted = {"field": column(field), "size": size, "shard_size": _OF_SHARD, "min_doc_count": least}
    return {kind: {**wanted, "shard_min_doc_count": 1, "jlh": {}, "background_filter": background}}


def _total(search: Search, query: Query) -> int:
    return int(search({"query": query, "size": 0, "track_total_hits": True})["hits"]["total"]["value"])


def _counts(search: Search, query: Query, words: Sequence[Query]) -> list[int]:
    filters = {"filters": {"filters": list(words)}}
    answer = search({"query": query, "size": 0, "track_total_hits": False, "aggs": {"words": filters}})
    buckets = answer.get("aggregations", {}).get("words", {}).get("buckets")
    return [bucket["doc_count"] for bucket in buckets] if buckets else [0] * len(words)
