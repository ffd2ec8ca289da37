"""Builds every image once for all tests, the way `make images` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.images import buildah
from tests.images.building import COMPONENTS, build
from tests.tools import containers
from tests.tools.containers import Image
from tests.tools.missing import MissingPartError, missing

LIMIT = 3600.0
"""Seconds for a test and what it needs: the first one makes the bases and builds every image."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder the time that building takes."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(LIMIT))


@pytest.fixture(scope="session")
def bases() -> None:
    """The two bases that images are built with."""
    try:
        containers.check()
        buildah.prepare()
    except MissingPartError as error:
        missing(str(error))


@pytest.fixture(scope="session")
def names(bases: None, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Names of the images, by component."""
    return build(tmp_path_factory.mktemp("build"), COMPONENTS, "test")


@pytest.fixture(scope="session")
def mount() -> Iterator[Callable[[str], Image]]:
    """Mounts the file system of an image by its name."""
    mounted = buildah.Mounted()
    yield mounted.mount
    mounted.close()


@pytest.fixture(scope="session")
def images(names: Mapping[str, str], mount: Callable[[str], Image]) -> Mapping[str, Image]:
    """File systems of the images, by component."""
    return {component: mount(name) for component, name in names.items()}


@pytest.fixture
def home(tmp_path: Path) -> Callable[[str], Path]:
    """Makes folders that belong to the user of the containers, as volumes with fsGroup do."""

    def make(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        os.chown(folder, containers.USER, containers.USER)
        return folder

    return make
