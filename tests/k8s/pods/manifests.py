"""What rendered manifests say, read without running anything."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
_REFERENCE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)|\$\$")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Manifests:
    """The objects of a render."""

    objects: tuple[Object, ...]

    @classmethod
    def read(cls, text: str) -> Manifests:
        """Read YAML documents, as `kubectl kustomize` prints them."""
        return cls(tuple(each for each in yaml.safe_load_all(text) if each))

    def kind(self, *kinds: str) -> list[Object]:
        """List the objects of some kinds."""
        return [each for each in self.objects if each["kind"] in kinds]

    def one(self, kind: str, name: str) -> Object:
        """Return an object. A name may be that of a generated one, whose hash follows after a dash."""
        named = [each for each in self.kind(kind) if each["metadata"]["name"] == name]
        assert len(named) == 1, f"the render has {len(named)} objects {kind} {name}"
        return named[0]

    def workload(self, name: str) -> Object:
        """Return the Deployment or StatefulSet of a name."""
        [found] = [each for each in self.kind("Deployment", "StatefulSet") if each["metadata"]["name"] == name]
        return found

    def settings(self, kind: str, name: str, *, optional: bool = False) -> dict[str, str]:
        """Return the data of a ConfigMap or Secret as texts."""
        if optional and not any(each["metadata"]["name"] == name for each in self.kind(kind)):
            return {}
        found = self.one(kind, name)
        data = found.get("data") or {}
        if kind == "Secret":
            data = {key: base64.b64decode(value).decode() for key, value in data.items()}
        return {**data, **(found.get("stringData") or {})}


def environment(container: Object, manifests: Manifests, pod: Mapping[str, str]) -> dict[str, str]:
    """Return a container's variables; `pod` has the fields that it may refer to, such as `status.podIP`."""
    variables: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if key in source:
                found = manifests.settings(kind, source[key]["name"], optional=source[key].get("optional", False))
                variables |= {source.get("prefix", "") + name: value for name, value in found.items()}
    for each in container.get("env", ()):
        value = _value(each, manifests, pod)
        if value is not None:
            variables[each["name"]] = expand(value, variables)
    return variables


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Put variables in the place of $(NAME); one that is not known stays as it is."""
    return _REFERENCE.sub(lambda found: variables.get(found[1], found[0]) if found[1] else "$", text)


def _value(each: Object, manifests: Manifests, pod: Mapping[str, str]) -> str | None:
    source = each.get("valueFrom")
    if source is None:
        return str(each.get("value", ""))
    if "fieldRef" in source:
        return pod[source["fieldRef"]["fieldPath"]]
    for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if key in source:
            optional = source[key].get("optional", False)
            found = manifests.settings(kind, source[key]["name"], optional=optional)
            value = found.get(source[key]["key"])
            assert value is not None or optional, f"{kind} {source[key]['name']} has no key {source[key]['key']}"
            return value
    raise AssertionError(f"variable {each['name']} has a source that is not imitated: {source}")


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Tell whether a Service's selector takes a pod."""
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


@dataclass(frozen=True)
class Places:
    """Where things of a pod are on this machine: its address, its mounted folders, and Services by name."""

    address: str
    mounts: Mapping[str, Path]
    services: Mapping[str, str]

    def put(self, text: str) -> str:
        """Return a setting with addresses and paths of this machine.

        A Service without a scheme is one to which scorelens speaks encrypted; its address, of this machine, would not
        be one, so it gets the scheme that tells so.
        """
        for path in sorted(self.mounts, key=len, reverse=True):
            text = re.sub(rf"(?<![\w./-]){re.escape(path)}(?=/|$|[,;:\s])", str(self.mounts[path]), text)
        text = re.sub(r"(?<![\d.])(0\.0\.0\.0|127\.0\.0\.1|localhost)(?=:\d|$)", self.address, text)
        for name in sorted(self.services, key=len, reverse=True):
            host = rf"{re.escape(name)}(\.[a-z0-9-]+)?(\.svc)?(\.cluster\.local\.?)?(?=:\d)"
            text = re.sub(rf"(?<=//){host}", self.services[name], text)
            text = re.sub(rf"(?<![\w./-]){host}", f"https://{self.services[name]}", text)
        return text


def seconds(text: str) -> float:
    """Read a duration of scorelens's settings in whole seconds, minutes or hours."""
    found = re.fullmatch(r"(\d+)([smh]?)", text)
    assert found, f"{text!r} is no duration"
    return int(found[1]) * _UNITS[found[2]]


def port_of(container: Object, port: str | int) -> int:
    """Return the number of a port that is given by number or name."""
    if isinstance(port, int):
        return port
    numbers: Iterable[int] = (each["containerPort"] for each in container.get("ports", ()) if each.get("name") == port)
    return next(iter(numbers))
