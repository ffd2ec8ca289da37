"""The reference models: what each is, what it learns from, and how."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final

import numpy
import scipy
import sklearn

from scorelens_scorer.calculations import sigmoid
from scorelens_scorer.corpus import KINDS
from scorelens_scorer.corpus.vocabulary import BRANDS
from scorelens_scorer.features import Features
from scorelens_scorer.features.activity import ActivityFeatures
from scorelens_scorer.features.text import TextFeatures, counter
from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.tags import Tag
from scorelens_scorer.training.examples import Examples, corpus, fragments, strangers
from scorelens_scorer.training.fit import SEED, fit, quality

ACTIVITY: Final = {"activity": 1}
MEDIA: Final = {kind: share for kind, share in KINDS.items() if kind not in ACTIVITY}
LEARN, ASIDE, TEST = 101, 102, 103
"""Seeds of the corpora to fit on, to calibrate and choose thresholds on, and to measure on."""

MEDIA_TAGS: Final = [
    *(
        Tag(name, title)
        for name, title in {
            "mortgage": "Mortgage",
            "card": "Cards",
            "savings": "Savings",
            "investing": "Investing",
            "insurance": "Insurance",
            "loan": "Loans",
            "refund": "Refund",
            "fraud": "Fraud",
            "fees": "Fees",
            "app": "App and website",
            "complaint": "Complaint",
            "praise": "Praise",
            "question": "Question",
        }.items()
    ),
    *(Tag(name, title, "brand") for name, (title, _) in BRANDS.items()),
    Tag("positive", "Positive", "sentiment"),
    Tag("negative", "Negative", "sentiment"),
]
OFFER_TAGS: Final = [
    Tag(name, title, "offer")
    for name, title in {
        "offer_mortgage": "Mortgage",
        "offer_savings": "Savings account",
        "offer_credit_card": "Credit card",
        "offer_investment": "Investment fund",
        "offer_consolidation": "Consolidation loan",
        "offer_insurance": "Insurance",
    }.items()
]


def media_tagger() -> LinearModel:
    """Train the model that tags media with topics, brands and sentiment."""
    learn = corpus(5500, LEARN, MEDIA) + fragments(7000, SEED)
    counters = [
        counter("word", ngram_range=(1, 2), min_df=3),
        counter("char_wb", ngram_range=(4, 4), min_df=6, max_features=12000),
    ]
    return _train(
        TextFeatures.fit(counters, learn.documents),
        (learn, corpus(2500, ASIDE, MEDIA), corpus(2500, TEST, MEDIA)),
        MEDIA_TAGS,
        strength=3.0,
        id="media-tagger",
        description="Tags tweets, chats, comments, blog posts and articles with topics of retail banking, mentions of "
        "five made-up brands, and sentiment. Trained on the generated corpus; a linear model over words, pairs of "
        "words and parts of words.",
        kinds=tuple(MEDIA),
    )


def offer_ranker() -> LinearModel:
    """Train the model that ranks financial instruments by a customer's activity."""
    learn, aside, test = (corpus(count, seed, ACTIVITY) for count, seed in ((3000, LEARN), (1500, ASIDE), (1500, TEST)))
    return _train(
        ActivityFeatures(),
        (learn + strangers(150), aside + strangers(75), test),
        OFFER_TAGS,
        strength=3.0,
        id="offer-ranker",
        description="Ranks financial instruments by how well they fit what a customer did: income, spending, debts, "
        "balance and interests. Trained on generated customers; a linear model over ratios and monthly counts.",
        kinds=tuple(ACTIVITY),
    )


RECIPES: Final[Mapping[str, Callable[[], LinearModel]]] = {"media-tagger": media_tagger, "offer-ranker": offer_ranker}
"""The reference models by id, in the order in which they are asked whose kind a document is."""


@cache
def version() -> str:
    """Name what training would make now: a hash of the code and the libraries that it comes from."""
    made_of = hashlib.sha256(f"{sklearn.__version__} {numpy.__version__} {scipy.__version__}".encode())
    for source in _sources():
        made_of.update(source.read_bytes())
    return f"1-{made_of.hexdigest()[:8]}"


def _sources() -> list[Traversable]:
    root = resources.files("scorelens_scorer")
    folders = [root.joinpath(name) for name in ("corpus", "features", "training")]
    files = [file for folder in folders for file in sorted(folder.iterdir(), key=lambda file: file.name)]
    return [file for file in files if file.name.endswith(".py")]


def _train(
    features: Features,
    sets: tuple[Examples, Examples, Examples],
    tags: list[Tag],
    strength: float,
    **names: Any,
) -> LinearModel:
    learn, aside, test = sets
    coefficients, intercepts, chosen = fit(features, learn, aside, tags, strength)
    chances = sigmoid(features.matrix(test.documents) @ coefficients + intercepts)
    facts = {
        "corpus": {"learn": len(learn.documents), "aside": len(aside.documents), "test": len(test.documents)},
        "libraries": {"scikit-learn": sklearn.__version__, "numpy": numpy.__version__, "scipy": scipy.__version__},
        "quality": quality(chances, chosen, test),
    }
    return LinearModel(
        version=version(),
        tags=tuple(chosen),
        features=features,
        coefficients=coefficients,
        intercepts=intercepts,
        facts=facts,
        **names,
    )
