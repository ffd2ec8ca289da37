"""A real API server takes every overlay, admits every pod of it, and refuses what is wrong."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
import yaml

from tests.k8s.rendering import Manifest, of_kind, render
from tests.k8s.workloads import PodTemplate, pod_of, pod_templates
from tests.tools.api_server import VERSION, ApiServer

RESTRICTED = {f"pod-security.kubernetes.io/{what}": "restricted" for what in ("enforce", "warn", "audit")}


def apply(server: ApiServer, overlay: str) -> str:
    """Apply an overlay as its user would; return what kubectl said."""
    done = server.kubectl("apply", "--server-side", "--validate=strict", "-k", f"k8s/overlays/{overlay}")
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return done.stdout


def test_the_server_is_the_version_that_schemas_are_of(server: ApiServer) -> None:
    """The server and kubectl are Kubernetes of the version that the tests name."""
    versions = json.loads(server.kubectl("version", "--output=json").stdout)
    assert {versions[name]["gitVersion"] for name in ("clientVersion", "serverVersion")} == {f"v{VERSION}"}


def test_kubectl_renders_what_the_tests_look_at(server: ApiServer, overlay: str) -> None:
    """`kubectl kustomize` gives the same objects as the kustomize of the offline tests."""
    done = server.kubectl("kustomize", f"k8s/overlays/{overlay}")
    assert done.returncode == 0, done.stderr
    assert [each for each in yaml.safe_load_all(done.stdout) if each] == render(overlay)


def test_every_overlay_is_taken(own_server: ApiServer, overlay: str) -> None:
    """Server-side apply takes all objects without a warning, and again without a change; then each pod is admitted."""
    first = apply(own_server, overlay)
    manifests = render(overlay)
    assert first.count("serverside-applied") == len(manifests)
    generations = {workload: generation(own_server, workload) for workload in of_workloads(manifests)}
    apply(own_server, overlay)
    assert {workload: generation(own_server, workload) for workload in generations} == generations
    namespace = manifests_namespace(manifests)
    own_server.kubectl("create", "serviceaccount", "default", "-n", namespace)  # which a controller would make
    for template in pod_templates(manifests):
        done = own_server.kubectl("create", "-f", "-", text=json.dumps(pod(template, namespace)))
        assert done.returncode == 0, f"{template.title}: {done.stderr}"
        assert "Warning" not in done.stderr, done.stderr


def test_a_wrong_field_is_refused(server: ApiServer) -> None:
    """A misspelt field deep inside of a pod keeps the whole object out, by its name."""
    wrong = copy.deepcopy(pod_of(render("demo"), "scorelens-scorer").owner)
    wrong["metadata"]["namespace"] = "default"
    wrong["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    done = server.kubectl("apply", "--server-side", "--validate=strict", "-f", "-", text=json.dumps(wrong))
    assert done.returncode != 0
    assert "readinesProbe" in done.stderr


@pytest.mark.parametrize(
    ("field", "value"),
    [("privileged", True), ("runAsUser", 0), ("capabilities", {"drop": []}), ("allowPrivilegeEscalation", True)],
)
def test_a_pod_that_wants_more_is_refused(server: ApiServer, field: str, value: Any) -> None:
    """In a namespace that enforces `restricted`, a pod of ours with one more right is not admitted."""
    template = pod_of(render("demo"), "scorelens-scorer")
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "strict", "labels": RESTRICTED},
    }
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "scorelens-scorer", "namespace": "strict"},
    }
    for each in (namespace, account):
        server.kubectl("apply", "--server-side", "-f", "-", text=json.dumps(each))
    wanting = copy.deepcopy(pod(template, "strict"))
    (container,) = wanting["spec"]["containers"]
    if field == "privileged":
        del container["securityContext"]["allowPrivilegeEscalation"]  # with which it would be no pod at all
    container["securityContext"][field] = value
    done = server.kubectl("create", "-f", "-", text=json.dumps(wanting))
    assert done.returncode != 0
    assert 'violates PodSecurity "restricted:latest"' in done.stderr


def of_workloads(manifests: list[Manifest]) -> list[str]:
    """Name the workloads as kubectl does."""
    return [
        f"{each['kind'].lower()}/{each['metadata']['name']} -n {each['metadata']['namespace']}"
        for each in of_kind(manifests, "StatefulSet", "Deployment", "Job", "CronJob")
    ]


def generation(server: ApiServer, workload: str) -> str:
    """Return how often a workload's specification was changed."""
    done = server.kubectl("get", *workload.split(), "--output=jsonpath={.metadata.generation}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def manifests_namespace(manifests: list[Manifest]) -> str:
    """Return the one namespace of an overlay."""
    (namespace,) = of_kind(manifests, "Namespace")
    return str(namespace["metadata"]["name"])


def pod(template: PodTemplate, namespace: str) -> Manifest:
    """Return the pod that a controller would make of a template, with the claims of a StatefulSet as its volumes."""
    name = re.sub(r"[^a-z0-9]+", "-", template.title.lower())
    claims = [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in template.claims]
    spec = {**template.spec, "volumes": [*template.spec.get("volumes", ()), *claims]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": template.labels},
        "spec": spec,
    }
