"""Clusters that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.k8s.pods.cluster import Cluster
from tests.k8s.pods.manifests import Manifests

SHAPE = Path(__file__).with_name("shape.yaml")


@pytest.fixture
def make_cluster(tmp_path: Path) -> Iterator[Callable[[Manifests], Cluster]]:
    """Make clusters of manifests."""
    made: list[Cluster] = []

    def make(manifests: Manifests) -> Cluster:
        made.append(Cluster(manifests, tmp_path / f"cluster-{len(made)}"))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()


@pytest.fixture
def shape() -> Manifests:
    """Manifests in the shape of k8s/base, small and quick."""
    return Manifests.read(SHAPE.read_text())
