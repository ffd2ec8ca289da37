"""The renders that tests look at; without Go they are skipped with a line that says how to get it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.k8s.rendering import OVERLAYS, Manifest, render


@pytest.fixture(params=OVERLAYS)
def rendered(go_tools: Path, request: pytest.FixtureRequest) -> list[Manifest]:
    """The objects of each overlay."""
    return render(request.param)


@pytest.fixture(params=("demo", "production"))
def system(go_tools: Path, request: pytest.FixtureRequest) -> list[Manifest]:
    """The objects of each overlay that holds a whole system."""
    return render(request.param)


@pytest.fixture
def demo(go_tools: Path) -> list[Manifest]:
    """The objects of the demo."""
    return render("demo")


@pytest.fixture
def production(go_tools: Path) -> list[Manifest]:
    """The objects of production."""
    return render("production")


@pytest.fixture
def existing_model(go_tools: Path) -> list[Manifest]:
    """The objects of a model that was there before."""
    return render("existing-model")
