"""The reference models, trained once for all tests, and a scorer that serves them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.reference import reference_model
from tests.scorelens_scorer.running import Running, serving


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder where the reference models are kept."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def tagger(cache: Path) -> LinearModel:
    """Return the trained media-tagger."""
    return reference_model("media-tagger", cache)


@pytest.fixture(scope="session")
def ranker(cache: Path) -> LinearModel:
    """Return the trained offer-ranker."""
    return reference_model("offer-ranker", cache)


@pytest.fixture(scope="session")
def scorer(cache: Path, tagger: LinearModel, ranker: LinearModel) -> Iterator[Running]:
    """Serve the reference models."""
    with serving(cache=str(cache)) as running:
        yield running
