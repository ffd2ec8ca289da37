"""API server, controllers, DNS and kube-proxy of one cluster on this machine; see the package for what is imitated."""

from __future__ import annotations

import copy
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.end_to_end.processes import wait_until
from tests.k8s.pods.dns import Names
from tests.k8s.pods.manifests import Manifests, Object, port_of, selects
from tests.k8s.pods.network import Network
from tests.k8s.pods.pod import START_LIMIT, Adapting, Pod
from tests.k8s.pods.service import Forwarder, Targets


class Workload:
    """A Deployment or StatefulSet with the pods it has now."""

    def __init__(self, manifest: Object, adapting: Adapting, replicas: int) -> None:
        self.manifest, self.adapting, self.replicas = manifest, adapting, replicas
        self.name: str = manifest["metadata"]["name"]
        self.pods: list[Pod] = []

    @property
    def ordered(self) -> bool:
        """Whether its pods have numbers and claims."""
        return bool(self.manifest["kind"] == "StatefulSet")

    @property
    def ready(self) -> list[Pod]:
        """The pods that callers are sent to."""
        return [pod for pod in self.pods if pod.ready]


class Cluster:
    """Run workloads of manifests; end with `close`, which leaves no process behind."""

    def __init__(self, manifests: Manifests, folder: Path) -> None:
        self.manifests, self.folder = manifests, folder
        self.workloads: list[Workload] = []
        self._past: list[Pod] = []
        self._network = Network()
        services = [each for each in manifests.kind("Service") if each["spec"].get("selector")]
        self._services = {each["metadata"]["name"]: each for each in services}
        self._names = Names(self._network.names, self._look_up)
        self._addresses = {name: self._network.service() for name in self._services}
        self._forwarders = [
            Forwarder(
                self._addresses[name], {port["port"]: self._targets(name, port) for port in each["spec"]["ports"]}
            )
            for name, each in self._services.items()
        ]

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything, without ceremony."""
        for pod in [*self._past, *(pod for workload in self.workloads for pod in workload.pods)]:
            if not pod.gone:
                pod.vanish()
        for forwarder in self._forwarders:
            forwarder.close()
        self._names.close()
        self._network.close()

    def said(self) -> str:
        """Return what all pods logged, those that have gone as well."""
        pods = [*self._past, *(pod for workload in self.workloads for pod in workload.pods)]
        return "\n".join(pod.said() for pod in pods)

    def target(self, service: str, port: str) -> str:
        """Return how a gRPC client names a Service, by the DNS server of this cluster."""
        [number] = [each["port"] for each in self._services[service]["spec"]["ports"] if each["name"] == port]
        return f"dns://{self._names.address}/{service}.scorelens.svc.cluster.local:{number}"

    def address(self, service: str) -> str:
        """Return the address of this machine that stands for a Service."""
        return self._addresses[service]

    def endpoints(self, service: str) -> list[Pod]:
        """List the pods that a Service sends callers to now."""
        spec = self._services[service]["spec"]
        everybody = spec.get("publishNotReadyAddresses", False)
        pods = [pod for workload in self.workloads for pod in list(workload.pods)]
        return [pod for pod in pods if selects(spec["selector"], pod.labels) and (everybody or pod.ready)]

    def run(self, name: str, adapting: Adapting, replicas: int | None = None) -> Workload:
        """Start a workload, all pods at once, and wait until they are ready."""
        manifest = self.manifests.workload(name)
        given = manifest["spec"].get("replicas", 1)
        workload = Workload(manifest, adapting, given if replicas is None else replicas)
        self.workloads.append(workload)
        with ThreadPoolExecutor(max(workload.replicas, 1)) as pool:
            list(pool.map(lambda number: self.start_pod(workload, number), range(workload.replicas)))
        workload.pods.sort(key=lambda pod: pod.name)
        return workload

    def start_pod(self, workload: Workload, number: int = 0, *, wait: bool = True) -> Pod:
        """Start a pod of a workload: the one of a number, where pods have numbers."""
        template = copy.deepcopy(workload.manifest["spec"]["template"])
        name = f"{workload.name}-{number if workload.ordered else secrets.token_hex(3)}"
        pod = Pod(
            name,
            self._network.pod(),
            template,
            self.manifests,
            self._addresses,
            self.folder / f"{name}-{secrets.token_hex(2)}",
            self._claims(workload.manifest["spec"], name, template),
            workload.adapting,
        )
        workload.pods.append(pod)
        pod.start()
        if wait:
            self.await_ready(pod)
        return pod

    def await_ready(self, pod: Pod) -> None:
        """Wait until callers are sent to a pod."""
        try:
            wait_until(lambda: pod.ready, f"{pod.name} is ready", START_LIMIT)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{pod.said()}") from error

    def delete(self, workload: Workload, pod: Pod, *, replace: bool = True) -> None:
        """Delete a pod as `kubectl delete pod` does; returns when it has ended and its replacement is ready."""
        if replace and not workload.ordered:
            self.start_pod(workload)
        self._terminate(workload, pod)
        if replace and workload.ordered:
            self.start_pod(workload, _number(pod))

    def lose(self, workload: Workload, pod: Pod, *, replace: bool = True) -> None:
        """Lose a pod with its node, and start another one with the same claims."""
        pod.vanish()
        self._leave(workload, pod)
        if replace:
            self.start_pod(workload, _number(pod) if workload.ordered else 0)

    def roll(self, workload: Workload) -> None:
        """Replace all pods as a change of their template does."""
        seconds = workload.manifest["spec"].get("minReadySeconds", 0) * workload.adapting.pace
        old = sorted(workload.pods, key=lambda pod: pod.name, reverse=True)
        ending = []
        for pod in old:
            if workload.ordered:
                self._terminate(workload, pod)
                self._await_available(self.start_pod(workload, _number(pod)), seconds)
            else:
                self._await_available(self.start_pod(workload), seconds)
                ending.append(threading.Thread(target=self._terminate, args=(workload, pod)))
                ending[-1].start()
        for thread in ending:
            thread.join()

    def run_job(self, name: str, template: Object, adapting: Adapting) -> str:
        """Run the one container of a Job's pod to its end; return what it printed. Fails when its status is not 0."""
        claims = self._claims({}, name, template)
        pod = Pod(
            name, self._network.pod(), template, self.manifests, self._addresses, self.folder / name, claims, adapting
        )
        try:
            return pod.run_to_end()
        finally:
            pod.remove()

    def claim(self, name: str, pod: str) -> Path:
        """Return the folder of a claim that a StatefulSet makes for a pod."""
        return self.folder / "claims" / f"{name}-{pod}"

    def _await_available(self, pod: Pod, seconds: float) -> None:
        since = time.monotonic()

        def available() -> bool:
            nonlocal since
            since = since if pod.ready else time.monotonic()
            return time.monotonic() - since >= seconds

        wait_until(available, f"{pod.name} is available", START_LIMIT)

    def _terminate(self, workload: Workload, pod: Pod) -> None:
        pod.terminate()
        self._leave(workload, pod)

    def _leave(self, workload: Workload, pod: Pod) -> None:
        workload.pods.remove(pod)
        self._past.append(pod)

    def _claims(self, spec: Object, pod: str, template: Object) -> dict[str, Path]:
        names = [each["metadata"]["name"] for each in spec.get("volumeClaimTemplates", ())]
        claims = {name: self.claim(name, pod) for name in names}
        for volume in template["spec"].get("volumes", ()):
            if claim := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
                claims[claim] = self.folder / "claims" / claim
        for path in claims.values():
            path.mkdir(parents=True, exist_ok=True)
        return claims

    def _look_up(self, name: str) -> list[str] | None:
        service = self._services.get(name.partition(".")[0])
        return None if service is None else [pod.address for pod in self.endpoints(service["metadata"]["name"])]

    def _targets(self, name: str, port: Object) -> Targets:
        def now() -> list[tuple[str, int]]:
            return [(pod.address, _target_port(pod, port)) for pod in self.endpoints(name)]

        return now


def _number(pod: Pod) -> int:
    return int(pod.name.rpartition("-")[2]) if pod.name.rpartition("-")[2].isdigit() else 0


def _target_port(pod: Pod, port: Object) -> int:
    wanted: int | str = port["targetPort"] if "targetPort" in port else port["port"]
    if isinstance(wanted, int):
        return wanted
    specs: list[Object] = [*pod.spec.get("initContainers", ()), *pod.spec["containers"]]
    [number] = [port_of(spec, wanted) for spec in specs if any(p.get("name") == wanted for p in spec.get("ports", ()))]
    return number
