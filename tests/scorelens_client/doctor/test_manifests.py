"""The doctor in the pods that are rendered for Kubernetes: each finds its own part, and what that part is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from scorelens_client.doctor.places import Places
from scorelens_client.home import Home
from tests.k8s.rendering import render
from tests.k8s.workloads import environment, pod_templates

KNOWN = {
    "sidecar": {"sidecar", "scorer", "indexer"},
    "scorer": {"scorer"},
    "indexer": {"indexer", "store"},
    "console": {"console", "sidecar", "indexer", "store"},
    "client": {"sidecar", "indexer", "store"},
}
"""Parts that the environment of a container names, by its name."""


@pytest.mark.parametrize("overlay", ["demo", "production"])
def test_each_container_names_what_it_is_told(overlay: str, tmp_path: Path) -> None:
    """`kubectl exec` of the doctor needs no further setting in any container, nor an address beyond the cluster."""
    manifests = render(overlay)
    found = {}
    for pod in pod_templates(manifests):
        for container in (one for one in pod.containers if one["name"] in KNOWN):
            places = Places(Home(tmp_path), environment(container, manifests), {})
            parts = {part for part in ("sidecar", "scorer", "indexer", "console") if places.parts(part)}
            found[container["name"]] = parts | ({"store"} if places.store()[0] else set())
            assert all(place.endpoint.host == "127.0.0.1" for place in places.parts("console"))
            if container["name"] != "client":
                admin = places.admin(container["name"])
                assert admin is not None
                assert admin.own
    assert found == {name: parts for name, parts in KNOWN.items() if name in found}
    assert {"sidecar", "scorer", "indexer", "console"} <= found.keys()
