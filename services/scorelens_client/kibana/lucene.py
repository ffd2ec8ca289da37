"""Queries in Lucene's syntax, which Elasticsearch reads exactly as they stand; KQL would be rewritten by Kibana."""

from __future__ import annotations

from typing import Final

PRODUCTION: Final = "record.type:document AND purpose:production"
"""What every listing shows unless asked otherwise: documents, scored for production."""

CALLS: Final = "record.type:call"
FAILED: Final = "record.type:call AND NOT rpc.status:OK"
ONE_PER_ANSWER: Final = f"{PRODUCTION} AND document.number:0"
"""The first document of each answer, so that a call of a thousand documents counts its duration once."""

FLAGGED: Final = f"{PRODUCTION} AND flags:*"
TRUNCATED: Final = "flags:(text_truncated OR answer_truncated) OR call.truncated:*"
UNTAGGED: Final = f"{PRODUCTION} AND NOT tags:*"


def query(lucene: str) -> dict[str, str]:
    """Return a query as Kibana keeps it."""
    return {"language": "lucene", "query": lucene}


def tagged(tag: str) -> str:
    """Match records that have a tag."""
    return f'tags:"{tag}"'


def near(tag: str, threshold: float, distance: float) -> str:
    """Match scores at most a distance away from a threshold."""
    low, high = max(0.0, threshold - distance), min(1.0, threshold + distance)
    return f"score.{tag}:[{low:.4g} TO {high:.4g}]"
