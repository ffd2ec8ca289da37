"""Charts of a single tag: how its scores lie about the threshold, and what they are made of."""

from __future__ import annotations

import re
from typing import Final

from scorelens_client.kibana.columns import Column, average, count, dates, histogram, median, terms
from scorelens_client.kibana.lens import AREA, BARS, CURVES, ROWS, Lens, chart
from scorelens_client.kibana.lucene import PRODUCTION, tagged
from scorelens_client.kibana.view import KibanaView

_BARS: Final = 40
_TERMS: Final = 15


def distribution(view: KibanaView, tag: str) -> Lens:
    """Count documents by score, with a line at the threshold that most of them had."""
    line = median(f"threshold.{tag}", f"Threshold of {tag}")
    return chart(BARS, _scores(view, tag), [count()], line=line, lucene=_scored(tag))


def distribution_by_version(view: KibanaView, tag: str) -> Lens:
    """Count documents by score, one color per model version, with the line of the threshold."""
    versions = terms("model.version", "Model version", 5)
    line = median(f"threshold.{tag}", f"Threshold of {tag}")
    return chart(BARS, _scores(view, tag), [count()], split=versions, line=line, lucene=_scored(tag))


def means(view: KibanaView, tag: str) -> Lens:
    """Follow the mean score over time, one curve per model version."""
    mean = average(f"score.{tag}", f"Mean score of {view.title(tag)}")
    return chart(CURVES, dates(), [mean], split=terms("model.version", "Model version", 5), lucene=_scored(tag))


def leading_terms(tag: str) -> Lens:
    """Count the terms that most often led to the tag."""
    because = terms("because", "Term", _TERMS, pattern=f"{re.escape(tag)}:.*")
    return chart(ROWS, because, [count()], lucene=f"{PRODUCTION} AND {tagged(tag)}")


def kinds(tag: str) -> Lens:
    """Count the documents with the tag over time, by kind."""
    kind = terms("document.kind", "Kind", 6)
    return chart(AREA, dates(), [count()], split=kind, lucene=f"{PRODUCTION} AND {tagged(tag)}")


def _scores(view: KibanaView, tag: str) -> Column:
    return histogram(f"score.{tag}", f"Score of {view.title(tag)}", _BARS)


def _scored(tag: str) -> str:
    return f"{PRODUCTION} AND score.{tag}:*"
