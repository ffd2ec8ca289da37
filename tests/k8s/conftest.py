"""The renders that tests look at; without Go they are skipped with a line that says how to get it."""

from __future__ import annotations

import pytest

from tests.k8s.rendering import OVERLAYS, Manifest, render
from tests.tools.missing import MissingPartError, missing


@pytest.fixture(params=OVERLAYS)
def rendered(request: pytest.FixtureRequest) -> list[Manifest]:
    """The objects of each overlay."""
    return _render(request.param)


@pytest.fixture(params=("demo", "production"))
def system(request: pytest.FixtureRequest) -> list[Manifest]:
    """The objects of each overlay that holds a whole system."""
    return _render(request.param)


@pytest.fixture
def demo() -> list[Manifest]:
    """The objects of the demo."""
    return _render("demo")


@pytest.fixture
def production() -> list[Manifest]:
    """The objects of production."""
    return _render("production")


@pytest.fixture
def existing_model() -> list[Manifest]:
    """The objects of a model that was there before."""
    return _render("existing-model")


def _render(name: str) -> list[Manifest]:
    try:
        return render(name)
    except MissingPartError as error:
        missing(str(error))
