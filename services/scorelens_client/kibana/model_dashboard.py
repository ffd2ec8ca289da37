"""The data scientist's dashboard: how the models decide, how fast, and what goes wrong."""

from __future__ import annotations

from typing import Final

from scorelens_client.kibana.columns import (
    Column,
    average,
    count,
    dates,
    filters,
    median,
    percentile,
    terms,
    unique,
)
from scorelens_client.kibana.dashboard import Dashboard
from scorelens_client.kibana.lens import BAD, BARS, CURVES, ROWS, Lens, chart, figure, table
from scorelens_client.kibana.lucene import CALLS, FAILED, FLAGGED, ONE_PER_ANSWER, PRODUCTION, TRUNCATED
from scorelens_client.kibana.panels import Listing, Panel, Words
from scorelens_client.kibana.parts import (
    DOCUMENT,
    ENVIRONMENT,
    KIND,
    MODEL,
    TAG,
    TITLES,
    VERSION,
    links,
)
from scorelens_client.kibana.tag_panels import distribution
from scorelens_client.kibana.view import KibanaView
from scorelens_reading.kibana.ids import LETTERS

_NO_TAGS: Final = (
    "No tags were named when these objects were made, so that there are no distributions of scores here. "
    "Make them again with `--tag`, or from a store that has records, with `--store`."
)
_COLUMNS: Final = 4
_MOST_MEANS: Final = 10


def model_dashboard(view: KibanaView) -> Dashboard:
    """Return the dashboard for somebody who looks after models."""
    return Dashboard(
        "model",
        TITLES["model"],
        "Scores and thresholds, doubtful documents, leading terms, model versions side by side, latency, errors.",
        (links(), *_decisions(), *_scores(view), *_near(view), *_versions(view), *_service(), *_faults(), *_drill()),
        (MODEL, VERSION, TAG, KIND, ENVIRONMENT, DOCUMENT),
    )


def _decisions() -> list[Panel]:
    versions = terms("model.version", "Model version", 5)
    return [
        Panel("Scored documents", 12, 6, figure(count())),
        Panel("Flagged calculations", 12, 6, figure(count("Flagged"), FLAGGED, BAD)),
        Panel("Failed calls", 12, 6, figure(count("Failed"), FAILED, BAD)),
        Panel("Truncated records", 12, 6, figure(count("Truncated"), TRUNCATED, BAD)),
        Panel("Documents over time, by model version", 24, 12, chart(BARS, dates(), [count()], split=versions)),
        Panel("Leading terms", 24, 12, _leading_terms()),
    ]


def _leading_terms() -> Lens:
    return table([terms("because", "Tag and term", 100)], [count(), unique("model.version", "Versions")])


def _scores(view: KibanaView) -> list[Panel]:
    if not view.tags:
        return [Panel("Score distributions", 48, 5, Words(_NO_TAGS))]
    return [Panel(f"Scores: {tag}", 48 // _COLUMNS, 9, distribution(view, tag)) for tag in view.tags]


def _near(view: KibanaView) -> list[Panel]:
    return [Panel("Documents near a threshold", 48, 18, Listing("near-threshold"))] if view.tags else []


def _versions(view: KibanaView) -> list[Panel]:
    models, versions = terms("model.id", "Model", 5), terms("model.version", "Version", 5)
    shares = table([models, terms("tags", "Tag", 50)], [count()], across=versions, rows=20)
    means = [average(f"score.{tag}", f"Mean score of {tag}") for tag in view.tags[:_MOST_MEANS]]
    by_version = table([models, terms("model.version", "Version", 20)], [count(), *_durations(), *means])
    return [
        Panel("Tags given, model versions side by side", 24, 18, shares),
        Panel("Model versions", 24, 18, by_version),
    ]


def _service() -> list[Panel]:
    models = terms("model.id", "Model", 5)
    durations = [percentile("rpc.duration_ms", 95, "95th percentile")]
    lengths = [median("document.length", "Median"), percentile("document.length", 99, "99th percentile")]
    kept = [average("sampling.probability", "Share kept")]
    return [
        Panel("Latency over time", 24, 12, chart(CURVES, dates(), durations, split=models, lucene=ONE_PER_ANSWER)),
        Panel("Latency by model", 24, 12, table([models], [count("Answers"), *_durations()], lucene=ONE_PER_ANSWER)),
        Panel("Length of documents over time", 24, 12, chart(CURVES, dates(), lengths)),
        Panel("Share of calls kept by sampling", 24, 12, chart(CURVES, dates(), kept, lucene="record.type:*")),
        Panel("Languages", 24, 12, chart(ROWS, terms("document.language", "Language", 15), [count()])),
        Panel("Purposes", 24, 12, chart(ROWS, terms("purpose", "Purpose", 10), [count()], lucene="record.type:*")),
    ]


def _faults() -> list[Panel]:
    statuses, flags = terms("rpc.status", "Status", 10), terms("flags", "Flag", 10)
    outcomes = {"scored": PRODUCTION, "scored nothing": CALLS, "failed": FAILED, "truncated": TRUNCATED}
    captured = chart(BARS, dates(), [count("Records")], split=filters("Outcome", outcomes), lucene="record.type:*")
    return [
        Panel(
            "Calls without documents, by status",
            24,
            12,
            chart(BARS, dates(), [count("Calls")], split=statuses, lucene=CALLS),
        ),
        Panel("Flags over time", 24, 12, chart(BARS, dates(), [count()], split=flags, lucene=FLAGGED)),
        Panel("What was captured", 24, 12, captured),
        Panel(
            "How calls ended", 24, 12, table([terms("call.end", "End", 10), statuses], [count("Calls")], lucene=CALLS)
        ),
        Panel("Dead letters over time", 24, 12, chart(BARS, dates(), [count("Letters")]).reading(LETTERS)),
        Panel("Dead letters by reason", 24, 12, table([_reason()], [count("Letters")]).reading(LETTERS)),
        Panel("Dead letters", 48, 12, Listing("dead-letters")),
        Panel("Flagged", 24, 16, Listing("flagged")),
        Panel("Failed", 24, 16, Listing("failed-calls")),
    ]


def _drill() -> list[Panel]:
    words = (
        "Choose a document above, then open a row: its JSON has the **calculation** with every term that was recorded, "
        "as parallel arrays `feature`, `value`, `coefficient` and `contribution` for each tag. "
        "`scorelens show ID` draws the same in a terminal."
    )
    return [
        Panel("Calculation of a document", 48, 4, Words(words)),
        Panel("Calculations", 48, 18, Listing("calculations")),
    ]


def _reason() -> Column:
    return terms("reason.keyword", "Reason", 50)


def _slow() -> list[Column]:
    return [percentile("rpc.duration_ms", 95, "95th percentile"), percentile("rpc.duration_ms", 99, "99th percentile")]


def _durations() -> list[Column]:
    return [median("rpc.duration_ms", "Median"), *_slow()]
