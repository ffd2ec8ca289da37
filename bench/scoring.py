"""What showing the work costs: scoring with calculations against bare scikit-learn on the same documents, in one run.

The bare side is a scikit-learn pipeline with the very same vectorizers and coefficients that answers `predict_proba`;
the other is `score` with the 20 leading terms of every tag. Rounds of both alternate; the ratio is of the medians of
their times, so above 0.7 means that calculations cost less than 43 % more. `python -m bench.scoring [--rounds N]`
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from scorelens.v1.scorer_pb2 import Document
from scorelens_runtime.home import default_home
from scorelens_scorer.features.text import TextFeatures, text_of
from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.reference import reference_model
from scorelens_scorer.served import Served
from scorelens_scorer.training.examples import corpus
from scorelens_scorer.training.recipes import MEDIA

TERMS = 20


def bare(model: LinearModel) -> Pipeline:
    """Return the scikit-learn pipeline that gives the same probabilities and nothing else."""
    assert isinstance(model.features, TextFeatures)
    parts = [(str(place), make_pipeline(*pair)) for place, pair in enumerate(model.features.vectorizers)]
    classifier = OneVsRestClassifier(LogisticRegression())
    classifier.estimators_ = [_regression(model, tag) for tag in range(len(model.tags))]
    classifier.classes_ = np.arange(len(model.tags))
    classifier.label_binarizer_ = _labels(len(model.tags))
    return Pipeline([("features", FeatureUnion(parts)), ("tags", classifier)])


def measure(sides: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each side; their rounds alternate."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            started = time.perf_counter()
            side()
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--batch", type=int, default=256)
    arguments = parser.parse_args()
    model = reference_model("media-tagger", default_home() / "models")
    pipeline = bare(model)
    print(
        f"{len(model.tags)} tags, {len(model.features.names)} features; "
        f"batches of {arguments.batch}, {TERMS} terms a tag"
    )
    for kinds in (MEDIA, {"tweet": 1}, {"article": 1}):
        documents = corpus(arguments.batch, 55, kinds).documents
        _report("+".join(kinds), model, pipeline, documents, arguments.rounds)


def _report(kind: str, model: LinearModel, pipeline: Pipeline, documents: Sequence[Document], rounds: int) -> None:
    served = Served.of(model)
    encoder = served.encoder
    texts = [text_of(document) for document in documents]

    def encoded() -> None:
        chances, made = served.score(documents, TERMS)
        for _, calculation in encoder.encode(documents, chances, made, full=True):
            assert calculation is not None
            calculation.SerializeToString()

    difference = np.abs(pipeline.predict_proba(texts) - np.asarray(model.score(documents, 0).probabilities)).max()
    assert difference < 1e-9, difference
    seconds = measure(
        {
            "bare scikit-learn predict_proba": lambda: pipeline.predict_proba(texts),
            "score, no calculations": lambda: model.score(documents, 0),
            "score with calculations": lambda: model.score(documents, TERMS),
            "score with calculations, as protobuf": encoded,
        },
        rounds,
    )
    base = seconds["bare scikit-learn predict_proba"]
    print(f"\n{kind}")
    for name, value in seconds.items():
        print(f"  {name:<40} {value / len(documents) * 1e6:8.0f} us a document   speed ratio {base / value:5.2f}")


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
    Path(default_home()).mkdir(parents=True, exist_ok=True)
    main()
