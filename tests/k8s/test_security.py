"""Pods and namespaces are as the Pod Security level `restricted` wants them, and somewhat beyond."""

from __future__ import annotations

import copy

import pytest

from tests.k8s.rendering import Manifest, of_kind
from tests.k8s.restricted import violations
from tests.k8s.workloads import pod_of, pod_templates


def test_every_pod_is_restricted(rendered: list[Manifest]) -> None:
    """Nothing in any pod is refused by `restricted`, other people's containers included."""
    for template in pod_templates(rendered):
        assert not list(violations(template.spec)), template.title


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("allowPrivilegeEscalation", None),
        ("runAsUser", 0),
        ("runAsNonRoot", False),
        ("privileged", True),
        ("capabilities", {"drop": ["NET_RAW"]}),
        ("seccompProfile", {"type": "Unconfined"}),
    ],
)
def test_a_pod_that_wants_more_is_refused(demo: list[Manifest], field: str, value: object) -> None:
    """The check that the others rely on sees each thing that `restricted` refuses."""
    spec = copy.deepcopy(pod_of(demo, "scorelens-scorer").spec)
    spec["containers"][0]["securityContext"][field] = value
    assert list(violations(spec)) == [f"scorer: {field}"]


def test_namespaces_enforce_it(rendered: list[Manifest]) -> None:
    """Each namespace refuses pods that are not restricted."""
    for namespace in of_kind(rendered, "Namespace"):
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_our_containers_cannot_write_to_their_images(rendered: list[Manifest]) -> None:
    """The root of the file system of every container of ours is read-only."""
    for template in pod_templates(rendered):
        for container in template.containers:
            if container["image"].startswith("scorelens/"):
                assert container["securityContext"]["readOnlyRootFilesystem"], f"{template.title}, {container['name']}"


def test_every_container_is_bounded(rendered: list[Manifest]) -> None:
    """Each asks for CPU and memory, may take no more than some memory, and fills no node's disk."""
    for template in pod_templates(rendered):
        for container in template.containers:
            resources = container["resources"]
            assert set(resources["requests"]) == {"cpu", "memory"}, f"{template.title}, {container['name']}"
            assert "memory" in resources["limits"]
        for volume in template.spec.get("volumes", ()):
            assert "emptyDir" not in volume or "sizeLimit" in volume["emptyDir"], f"{template.title}, {volume['name']}"
