"""The same inputs give the same image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.images import buildah
from tests.images.building import build
from tests.images.tree import tree
from tests.tools.containers import Image


@pytest.mark.parametrize("component", ["sidecar", "scorer"])
def test_a_second_build_makes_the_same_image(
    names: Mapping[str, str],
    images: Mapping[str, Image],
    mount: Callable[[str], Image],
    tmp_path: Path,
    component: str,
) -> None:
    """Built anew without any cached layer, every file, right, owner and time is the same, and so is the digest."""
    again = build(tmp_path, [component], "again", "--no-cache")[component]
    first, second = tree(images[component].root), tree(mount(again).root)
    differing = {path for path in first.keys() | second.keys() if first.get(path) != second.get(path)}
    assert not differing, sorted(differing)[:20]
    assert buildah.digest(names[component]) == buildah.digest(again)
