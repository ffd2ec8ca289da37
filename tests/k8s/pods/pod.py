"""A pod: its containers in the order of Kubernetes, its volumes, and its end."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.end_to_end.processes import wait_until
from tests.k8s.pods.container import Container, Plan
from tests.k8s.pods.manifests import Manifests, Object, Places, environment, expand
from tests.k8s.pods.processes import Processes

START_LIMIT = 90.0
OURS = "scorelens/"
"""Beginning of the names of scorelens's own images, after the registry."""
HOME = "/var/lib/scorelens"
"""What SCORELENS_HOME is in these images."""


@dataclass(frozen=True)
class Adapting:
    """What is different on this machine, by the name of a container.

    `variables` win over those of the manifests; `runs` is what a container runs instead of its image's entrypoint, and
    must be given for each whose image is not scorelens's, with addresses and paths as in the manifests; one that
    `leaves_out` names is not run at all.
    """

    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    runs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    leaves_out: frozenset[str] = frozenset()
    pace: float = 0.1


class Pod:
    """A pod of a template; `claims` are the folders of volumes that outlive it."""

    def __init__(
        self,
        name: str,
        address: str,
        template: Object,
        manifests: Manifests,
        services: Mapping[str, str],
        folder: Path,
        claims: Mapping[str, Path],
        adapting: Adapting,
    ) -> None:
        self.name, self.address, self.folder, self.claims = name, address, folder, claims
        self.labels: dict[str, str] = template["metadata"].get("labels", {})
        self.spec: Object = template["spec"]
        self.terminating = self.gone = False
        self.history: list[str] = []
        self._manifests, self._services, self._adapting = manifests, services, adapting
        self._volumes = {volume["name"]: self._volume(volume) for volume in self.spec.get("volumes", ())}
        self.sidecars: list[Container] = []
        self.mains: list[Container] = []

    @property
    def ready(self) -> bool:
        """Whether Services send callers here."""
        containers = [*self.sidecars, *self.mains]
        complete = len(self.mains) == len([each for each in self.spec["containers"] if self._runs(each)])
        return complete and not self.terminating and not self.gone and all(each.ready for each in containers)

    def container(self, name: str) -> Container:
        """Return a container that runs all the time."""
        [found] = [each for each in (*self.sidecars, *self.mains) if each.plan.name == name]
        return found

    def mounted(self, container: str, path: str) -> Path:
        """Return the folder that a container sees at a path."""
        for spec in (*self.spec.get("initContainers", ()), *self.spec["containers"]):
            if spec["name"] == container:
                return self._mounts(spec)[path]
        raise AssertionError(f"the pod has no container {container}")

    def said(self) -> str:
        """Return the end of what each container logged, for messages of failed tests."""
        parts = [
            f"--- {self.name}/{each.plan.name} ({', '.join(each.history)})\n{each.said()[-3000:]}"
            for each in (*self.sidecars, *self.mains)
        ]
        return "\n".join(parts)

    def start(self) -> None:
        """Run init containers, start sidecars, then main containers; returns when all are started, not yet ready."""
        for spec in self.spec.get("initContainers", ()):
            if not self._runs(spec):
                continue
            if spec.get("restartPolicy") == "Always":
                self.sidecars.append(self._start(spec, sidecar=True))
            else:
                self._run_to_end(spec)
        for spec in self.spec["containers"]:
            if self._runs(spec):
                self.mains.append(self._start(spec))

    def run_to_end(self) -> str:
        """Run the one container to its end and return what it printed, as for a Job. Fails when its status is not 0."""
        [spec] = self.spec["containers"]
        return self._run_to_end(spec)

    def terminate(self) -> None:
        """End as after `kubectl delete pod`; returns when nothing runs and what was of the pod only is gone."""
        self.terminating = True
        limit = time.monotonic() + float(self.spec.get("terminationGracePeriodSeconds", 30))
        containers = [*self.sidecars, *self.mains]
        for each in containers:
            each.forsake()
        over = {id(each): threading.Event() for each in containers}
        threads = [
            threading.Thread(target=self._end, args=(each, self._before(each), over, limit)) for each in containers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.remove()

    def vanish(self) -> None:
        """End everything at once, as the loss of its node does."""
        for each in (*self.mains, *self.sidecars):
            each.forsake()
        for each in (*self.mains, *self.sidecars):
            each.kill()
        self.remove()

    def remove(self) -> None:
        """Forget what was of the pod only; its containers' logs stay for messages."""
        self.gone = True
        shutil.rmtree(self.folder / "volumes", ignore_errors=True)

    def _before(self, container: Container) -> list[Container]:
        """List the containers that must have ended before a container is told to."""
        if container not in self.sidecars:
            return []
        return [*self.mains, *self.sidecars[self.sidecars.index(container) + 1 :]]

    def _end(
        self, container: Container, before: list[Container], over: Mapping[int, threading.Event], limit: float
    ) -> None:
        container.hook(limit)
        for each in before:
            over[id(each)].wait(max(0.0, limit - time.monotonic()))
        self.history.append(f"SIGTERM to {container.plan.name}")
        container.end(max(limit, time.monotonic() + 2))  # the kubelet's least time, whatever is left of the grace
        self.history.append(f"{container.plan.name} ended")
        over[id(container)].set()

    def _runs(self, spec: Object) -> bool:
        return spec["name"] not in self._adapting.leaves_out

    def _start(self, spec: Object, *, sidecar: bool = False) -> Container:
        container = Container(self._plan(spec, sidecar=sidecar))
        container.start()
        if sidecar:
            self._await(lambda: container.started, container)
        self.history.append(f"{spec['name']} started")
        return container

    def _await(self, condition: Callable[[], Any], container: Container) -> None:
        try:
            wait_until(condition, f"{container.plan.name} of {self.name} is started", START_LIMIT)
        except AssertionError as error:
            container.forsake()
            container.kill()
            raise AssertionError(f"{error}\n{container.said()[-3000:]}") from error

    def _run_to_end(self, spec: Object) -> str:
        plan = self._plan(spec)
        processes = Processes(plan.command, plan.variables, plan.log)
        assert processes.wait(START_LIMIT), f"{plan.name} does not end: {plan.log.read_text()}"
        assert processes.ended() == 0, f"{plan.name} failed: {plan.log.read_text()}"
        self.history.append(f"{plan.name} ended")
        return plan.log.read_text()

    def _plan(self, spec: Object, *, sidecar: bool = False) -> Plan:
        name = spec["name"]
        places = Places(self.address, self._mounts(spec), self._services)
        image = {"SCORELENS_HOME": str(self._home(spec, places.mounts))}
        known = {
            "metadata.name": self.name,
            "metadata.namespace": "scorelens",
            "metadata.uid": self.name,
            "status.podIP": self.address,
            "status.hostIP": self.address,
            "spec.nodeName": "this-machine",
            "spec.serviceAccountName": self.spec.get("serviceAccountName", "default"),
        } | {f"metadata.labels['{key}']": value for key, value in self.labels.items()}
        given = environment(spec, self._manifests, known)
        placed = {key: places.put(value) for key, value in given.items()}
        variables = image | placed | dict(self._adapting.variables.get(name, {}))
        words = [places.put(expand(word, given)) for word in (*spec.get("command", ()), *spec.get("args", ()))]
        self.folder.mkdir(parents=True, exist_ok=True)
        return Plan(
            name=name,
            spec=spec,
            command=self._command(spec, words, places),
            variables=variables,
            address=self.address,
            log=self.folder / f"{name}.log",
            pace=self._adapting.pace,
            sidecar=sidecar,
        )

    def _command(self, spec: Object, words: list[str], places: Places) -> list[str]:
        if (instead := self._adapting.runs.get(spec["name"])) is not None:
            return [places.put(word) for word in instead]
        assert OURS in f"/{spec['image']}", f"no image {spec['image']} here: name what {spec['name']} runs instead"
        return words if spec.get("command") else ["scorelens", *words]

    def strays(self) -> list[str]:
        """List what containers wrote into their images, which are read-only in a cluster."""
        images = self.folder / "images"
        return [str(path) for path in images.glob("*/*") if not path.is_symlink()]

    def _home(self, spec: Object, mounts: Mapping[str, Path]) -> Path:
        """Return the folder that is SCORELENS_HOME: a volume, or the image's with the volumes that are in it."""
        if HOME in mounts:
            return mounts[HOME]
        home = self.folder / "images" / str(spec["name"])
        home.mkdir(parents=True, exist_ok=True)
        for path, folder in mounts.items():
            inner = home / path.removeprefix(HOME + "/")
            if path.startswith(HOME + "/") and not inner.exists():
                inner.symlink_to(folder)
        return home

    def _mounts(self, spec: Object) -> dict[str, Path]:
        mounts: dict[str, Path] = {}
        for mount in spec.get("volumeMounts", ()):
            folder = {**self.claims, **self._volumes}.get(mount["name"])
            assert folder is not None, f"container {spec['name']} mounts {mount['name']}, which is no volume"
            mounts[str(mount["mountPath"]).rstrip("/")] = folder / str(mount.get("subPath", ""))
        return mounts

    def _volume(self, volume: Object) -> Path:
        folder = self.folder / "volumes" / str(volume["name"])
        if "persistentVolumeClaim" in volume:
            return self.claims[str(volume["persistentVolumeClaim"]["claimName"])]
        folder.mkdir(parents=True)
        for key, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            if key in volume:
                self._write(folder, kind, volume[key])
        for source in (volume.get("projected") or {}).get("sources", ()):
            for key, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
                if key in source:
                    self._write(folder, kind, source[key])
        return folder

    def _write(self, folder: Path, kind: str, source: Object) -> None:
        name = source.get("name") or source["secretName"]
        if kind == "Secret" and not any(each["metadata"]["name"] == name for each in self._manifests.kind(kind)):
            return  # made by hand, with what is nobody else's business
        data = self._manifests.settings(kind, name, optional=source.get("optional", False))
        items = source.get("items") or [{"key": key, "path": key} for key in data]
        for item in items:
            path = folder / item["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(data[item["key"]])
