"""What showing the work costs: scoring with calculations against bare scikit-learn on the same documents, in one run.

    python -m bench.scoring [--rounds N] [--batch N] [--json FILE]

The bare side is a scikit-learn pipeline with the very same vectorizers and coefficients that answers `predict_proba`.
The other is what callers of the scorer pay for: from the documents of a request to the bytes of the whole answer, with
the 20 leading terms of all 20 tags, written and ready to send; beside it the same without the bytes, and without
calculations. Rounds of all alternate; figures are medians of the rounds' ratios, of elapsed time and of CPU time.
Ends with status 1 when the gate is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from bench.figures import Figure, report, write
from scorelens.v1.scorer_pb2 import Document, ScoreRequest
from scorelens_runtime.home import default_home
from scorelens_scorer.checks import Limits
from scorelens_scorer.features.text import TextFeatures, text_of
from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.reference import reference_model
from scorelens_scorer.router import Router
from scorelens_scorer.scoring import CHUNK, Scorer
from scorelens_scorer.served import Served
from scorelens_scorer.training.examples import corpus
from scorelens_scorer.training.recipes import MEDIA

TERMS: Final = 20
GATE: Final = ">= 0.7"
KINDS: Final = {
    "all media kinds": MEDIA,
    **{kind: {kind: 1} for kind in ("tweet", "comment", "chat", "blog", "article")},
}
BARE, ANSWER = "bare scikit-learn predict_proba", "the answer's bytes, calculations included"
Times = tuple[float, float]


def bare(model: LinearModel) -> Pipeline:
    """Return the scikit-learn pipeline that gives the same probabilities and nothing else."""
    assert isinstance(model.features, TextFeatures)
    parts = [(str(place), make_pipeline(*pair)) for place, pair in enumerate(model.features.vectorizers)]
    classifier = OneVsRestClassifier(LogisticRegression())
    classifier.estimators_ = [_regression(model, tag) for tag in range(len(model.tags))]
    classifier.classes_ = np.arange(len(model.tags))
    classifier.label_binarizer_ = _labels(len(model.tags))
    return Pipeline([("features", FeatureUnion(parts)), ("tags", classifier)])


def measure(sides: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[Times]]:
    """Return elapsed and CPU seconds of each side in each round; the first round is not counted."""
    times: dict[str, list[Times]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            started = time.perf_counter(), time.process_time()
            side()
            if number:
                times[name].append((time.perf_counter() - started[0], time.process_time() - started[1]))
    return times


def run(rounds: int, batch: int) -> Iterator[Figure]:
    """Measure, print, and yield the figures."""
    model = reference_model("media-tagger", default_home() / "models")
    pipeline = bare(model)
    print(f"{len(model.tags)} tags, {len(model.features.names)} features; batches of {batch}, {TERMS} terms a tag")
    for name, kinds in KINDS.items():
        documents = corpus(batch, 55, kinds).documents
        yield from _figures(name, batch, measure(_sides(model, pipeline, documents), rounds))


def _sides(model: LinearModel, pipeline: Pipeline, documents: Sequence[Document]) -> dict[str, Callable[[], Any]]:
    texts = [text_of(document) for document in documents]
    scorer = Scorer(Router([Served.of(model)]), Limits(len(documents), 2**30, 2**30), TERMS)
    request = ScoreRequest(documents=documents)
    received = request.SerializeToString()
    chunks = [documents[start : start + CHUNK] for start in range(0, len(documents), CHUNK)]
    difference = np.abs(pipeline.predict_proba(texts) - np.asarray(model.score(documents, 0).probabilities)).max()
    assert difference < 1e-9, difference
    return {
        BARE: lambda: pipeline.predict_proba(texts),
        "probabilities alone": lambda: [model.score(chunk, 0) for chunk in chunks],
        "with calculations, as arrays": lambda: [model.score(chunk, TERMS) for chunk in chunks],
        ANSWER: lambda: scorer.answer(request, full=True),
        "the same, from the request's bytes on": lambda: scorer.answer(ScoreRequest.FromString(received), full=True),
    }


def _figures(kind: str, batch: int, times: dict[str, list[Times]]) -> Iterator[Figure]:
    print(f"\n{kind}")
    for name, rounds in times.items():
        elapsed, cpu = (
            [peer[which] / own[which] for peer, own in zip(times[BARE], rounds, strict=True)] for which in (0, 1)
        )
        own, peer = (statistics.median(each[1] for each in times[side]) / batch * 1e6 for side in (name, BARE))
        print(
            f"  {name:<42}{own:7.0f} us of CPU a document   speed against bare: "
            f"{statistics.median(elapsed):.2f} by the clock, {statistics.median(cpu):.2f} by CPU"
        )
        if name == ANSWER:
            note = f"{statistics.median(elapsed):.2f} by the clock"
            yield Figure(
                f"{kind}: speed of {name}, against bare scikit-learn",
                statistics.median(cpu),
                GATE,
                own,
                peer,
                "us",
                note,
            )


def main() -> None:
    """Measure, print, and hold the gate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--batch", type=int, default=256, help="documents in a request")
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    options = parser.parse_args()
    figures = list(run(options.rounds, options.batch))
    write(options.json, figures)
    sys.exit(report(figures))


def _regression(model: LinearModel, tag: int) -> LogisticRegression:
    regression = LogisticRegression()
    regression.coef_ = model.coefficients[:, tag][None, :]
    regression.intercept_ = model.intercepts[tag : tag + 1]
    regression.classes_ = np.array([0, 1])
    return regression


def _labels(count: int) -> Any:
    from sklearn.preprocessing import LabelBinarizer

    binarizer = LabelBinarizer(sparse_output=True)
    binarizer.classes_, binarizer.y_type_, binarizer.sparse_input_ = np.arange(count), "multilabel-indicator", False
    return binarizer


if __name__ == "__main__":
    main()
