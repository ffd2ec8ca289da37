"""The kustomize components of monitoring, rendered, and held against the operator's own schemas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from docs.make_alert_rules import RESOURCE, RULES, resource
from tests.k8s.rendering import K8S, Manifest, build, named, of_kind
from tests.tools import operator_schemas
from tests.tools.missing import MissingPartError, missing

ADMIN_PORTS = {"admin", "scorer-admin"}


def rendered(folder: Path, component: str, base: str = "") -> list[Manifest]:
    """Return what a kustomization with one of the components stands for."""
    kustomization: dict[str, Any] = {"namespace": "monitoring", "components": [_path(folder, component)]}
    if base:
        kustomization |= {"namespace": "scorelens", "resources": [_path(folder, base)]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    try:
        return build(folder)
    except MissingPartError as error:
        missing(str(error))


def _path(folder: Path, name: str) -> str:
    return str(Path("../" * len(folder.resolve().parts[1:])) / (K8S / name).resolve().relative_to("/"))


def test_the_config_map_has_the_rules(tmp_path: Path) -> None:
    """Whoever runs Prometheus adds the component to a kustomization of its own and mounts what comes of it."""
    (found,) = rendered(tmp_path, "components/monitoring")
    assert (found["kind"], found["metadata"]["name"]) == ("ConfigMap", "scorelens-alerts")
    assert found["metadata"]["namespace"] == "monitoring"
    assert found["data"] == {"alerts.yaml": RULES.read_text("utf-8")}


def test_the_rules_of_the_operator_are_the_same() -> None:
    """The PrometheusRule is what `make generate` makes of the file of rules."""
    assert RESOURCE.read_text("utf-8") == resource(RULES.read_text("utf-8"))
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    assert yaml.safe_load(RESOURCE.read_text("utf-8"))["spec"] == {"groups": groups}


@pytest.mark.parametrize("kind", list(operator_schemas.KINDS))
def test_the_operator_takes_its_resources(tmp_path: Path, kind: str) -> None:
    """Each resource fits the schema of the operator; one with a field that there is not does not."""
    (found,) = of_kind(rendered(tmp_path, "components/monitoring-operator"), kind)
    try:
        schema = _closed(operator_schemas.schema(kind))
    except MissingPartError as error:
        missing(str(error))
    jsonschema.validate(found, schema)
    found["spec"]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, schema)


def _closed(schema: Any) -> Any:
    """Refuse fields that a schema does not name, as a server with strict validation does.

    Patterns are written for Go and left out.
    """
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items() if not (key == "pattern" and isinstance(value, str))}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and schema["properties"]:
        closed.setdefault("additionalProperties", False)
    return closed


def test_every_admin_port_is_scraped(tmp_path: Path) -> None:
    """The PodMonitor selects the pods of the parts, and names each admin port that their containers have."""
    found = rendered(tmp_path, "components/monitoring-operator", "base")
    monitor = named(found, "PodMonitor", "scorelens")["spec"]
    assert {endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]} == ADMIN_PORTS
    ports = set()
    for workload in of_kind(found, "StatefulSet", "Deployment"):
        template = workload["spec"]["template"]
        assert monitor["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        assert template["metadata"]["labels"][monitor["jobLabel"]] == "scorelens"
        containers = [*template["spec"]["containers"], *template["spec"].get("initContainers", [])]
        ports |= {port["name"] for each in containers for port in each.get("ports", []) if "admin" in port["name"]}
    assert ports == ADMIN_PORTS
