"""Pods as workloads describe them, and what their containers find in their environment (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.k8s.rendering import Manifest, named, of_kind, title

WORKLOADS = ("StatefulSet", "Deployment", "Job", "CronJob")


@dataclass(frozen=True)
class PodTemplate:
    """The pod that a workload makes."""

    owner: Manifest
    labels: dict[str, str]
    spec: dict[str, Any]

    @property
    def title(self) -> str:
        """Kind and name of the workload."""
        return title(self.owner)

    @property
    def component(self) -> str:
        """Its label, "" for what is not ours."""
        return self.labels.get("app.kubernetes.io/component", "")

    @property
    def containers(self) -> list[dict[str, Any]]:
        """All containers, in the order of their start."""
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]

    def container(self, name: str) -> dict[str, Any]:
        """Return the container of a name."""
        (found,) = (container for container in self.containers if container["name"] == name)
        return found

    @property
    def claims(self) -> dict[str, dict[str, Any]]:
        """The claims that a StatefulSet makes for each pod, by name."""
        templates = self.owner["spec"].get("volumeClaimTemplates", ())
        return {template["metadata"]["name"]: template["spec"] for template in templates}


def pod_templates(manifests: list[Manifest]) -> list[PodTemplate]:
    """Return the pods of all workloads."""
    return [_template(manifest) for manifest in of_kind(manifests, *WORKLOADS)]


def pod_of(manifests: list[Manifest], name: str) -> PodTemplate:
    """Return the pod of the one workload of a name."""
    (found,) = (each for each in pod_templates(manifests) if each.owner["metadata"]["name"] == name)
    return found


def environment(container: dict[str, Any], manifests: list[Manifest]) -> dict[str, str]:
    """Return the variables of a container; what only the cluster knows is written as `<field>`."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= named(manifests, "ConfigMap", source["configMapRef"]["name"])["data"]
    for variable in container.get("env", ()):
        found[variable["name"]] = _value(variable, manifests)
    return found


def arguments(container: dict[str, Any], manifests: list[Manifest]) -> list[str]:
    """Return what follows the image's entry point, with $(VARIABLES) filled in."""
    variables = environment(container, manifests)
    return [re.sub(r"\$\((\w+)\)", lambda match: variables[match[1]], word) for word in container.get("args", ())]


def _template(manifest: Manifest) -> PodTemplate:
    spec = manifest["spec"]
    template = (spec["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else spec)["template"]
    return PodTemplate(manifest, template["metadata"]["labels"], template["spec"])


def _value(variable: dict[str, Any], manifests: list[Manifest]) -> str:
    if "value" in variable:
        return str(variable["value"])
    (how,) = variable["valueFrom"].items()
    match how:
        case ("configMapKeyRef", reference):
            return str(named(manifests, "ConfigMap", reference["name"])["data"][reference["key"]])
        case ("fieldRef", reference):
            return f"<{reference['fieldPath']}>"
    raise AssertionError(f"no rule for {how}")


def iter_probes(container: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the probes of a container."""
    return (container[name] for name in ("startupProbe", "readinessProbe", "livenessProbe") if name in container)
