"""One container: probed, started again when it ends, and stopped in its turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.k8s.pods import probes
from tests.k8s.pods.manifests import Object
from tests.k8s.pods.processes import Processes

TICK = 0.05
BACKOFF = 10.0
_LONGEST_BACKOFF = 300.0


@dataclass(frozen=True)
class Plan:
    """What a container runs, with all settings as they are on this machine."""

    name: str
    spec: Object
    command: Sequence[str]
    variables: Mapping[str, str]
    address: str
    log: Path
    pace: float
    sidecar: bool = False

    def probe(self, name: str) -> Object | None:
        """Return the startup, readiness or liveness probe."""
        found: Object | None = self.spec.get(f"{name}Probe")
        return found


class Container:
    """A container that is kept running until it is stopped. `started` and `ready` are what the kubelet knows of it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.started = self.ready = False
        self.restarts = 0
        self.processes: Processes | None = None
        self.history: list[str] = []
        self._asked: dict[str, float] = {}
        self._failed: dict[str, int] = {}
        self._passed: dict[str, int] = {}
        self._pause = 0.0
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=plan.name, daemon=True)

    def start(self) -> None:
        """Start it and keep it."""
        self._spawn()
        self._thread.start()

    def said(self) -> str:
        """Return what it logged."""
        return self.plan.log.read_text(errors="replace") if self.plan.log.exists() else ""

    def runs(self) -> bool:
        """Tell whether its first process runs."""
        return self.processes is not None and self.processes.ended() is None

    def hook(self, limit: float) -> None:
        """Run the preStop hook, at most until a time of the monotonic clock."""
        hook = (self.plan.spec.get("lifecycle") or {}).get("preStop")
        if not hook or self.processes is None or not self.runs():
            return
        if "sleep" in hook:
            time.sleep(max(0.0, min(hook["sleep"]["seconds"], limit - time.monotonic())))
        elif "exec" in hook:
            status = self.processes.run(hook["exec"]["command"], max(0.0, limit - time.monotonic()))
            self.history.append(f"preStop ended with {status}")
        else:
            probes.passes(hook, self.plan.spec, self.plan.address, self.processes.run)

    def forsake(self) -> None:
        """Start it no more."""
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def end(self, limit: float) -> None:
        """Send SIGTERM, and SIGKILL when that is not enough until a time of the monotonic clock."""
        self.ready = False
        processes = self.processes
        if processes is None:
            return
        if processes.ended() is None:
            processes.terminate()
        if not processes.wait(limit - time.monotonic()):
            self.history.append("killed after the grace period")
            processes.kill()

    def kill(self) -> None:
        """End it at once, without warning; it is started again unless it was forsaken."""
        if self.processes is not None:
            self.processes.kill()

    def terminate(self) -> None:
        """Send SIGTERM and nothing else; it is started again."""
        if self.processes is not None:
            self.processes.terminate()

    def restart(self) -> None:
        """Do as the kubelet does when the liveness probe has failed: hook, SIGTERM, and another one."""
        grace = time.monotonic() + 30
        self.hook(grace)
        self.end(grace)

    def _spawn(self) -> None:
        with self._lock:
            self.started = self.plan.probe("startup") is None
            self.ready = self.started and self.plan.probe("readiness") is None
            self._asked.clear()
            self._failed.clear()
            self._passed.clear()
            self.processes = Processes(self.plan.command, self.plan.variables, self.plan.log)
            self._began = time.monotonic()

    def _keep(self) -> None:
        while not self._stopping.wait(TICK):
            if self.processes is not None and (status := self.processes.ended()) is not None:
                self.started = self.ready = False
                self.history.append(f"ended with {status}")
                self._again()
            else:
                self._look()

    def _again(self) -> None:
        """Start again: at once, then after pauses that double, until it has run for twice the longest one."""
        if self._stopping.wait(self._pause):
            return
        self._pause = min(max(BACKOFF, 2 * self._pause), _LONGEST_BACKOFF)
        self.restarts += 1
        self._spawn()

    def _look(self) -> None:
        if not self.started:
            if self._answer("startup"):
                self.started = True
                self.ready = self.plan.probe("readiness") is None
            elif self._given_up("startup"):
                self.history.append("startup probe failed")
                self.end(time.monotonic() + 30)
            return
        answer = self._answer("readiness")
        if answer:
            self.ready = not self._stopping.is_set()
        elif self._given_up("readiness"):
            self.ready = False
        if self._answer("liveness") is False and self._given_up("liveness"):
            self.history.append("liveness probe failed")
            self.restart()

    def _answer(self, name: str) -> bool | None:
        """Ask a probe when it is time; None when it is not, or when there are not yet enough passes."""
        probe = self.plan.probe(name)
        now = time.monotonic()
        if probe is None or self.processes is None:
            return None
        first = self._began + probe.get("initialDelaySeconds", 0) * self.plan.pace
        if now < first or now < self._asked.get(name, 0.0) + probe.get("periodSeconds", 10) * self.plan.pace:
            return None
        self._asked[name] = now
        if probes.passes(probe, self.plan.spec, self.plan.address, self.processes.run):
            self._failed[name] = 0
            self._passed[name] = self._passed.get(name, 0) + 1
            return True if self._passed[name] >= probe.get("successThreshold", 1) else None
        self._passed[name] = 0
        self._failed[name] = self._failed.get(name, 0) + 1
        return False

    def _given_up(self, name: str) -> bool:
        """Tell whether a probe has failed too often; what ends a container takes its full time, whatever the pace."""
        probe = self.plan.probe(name)
        often = 1.0 if name == "readiness" else self.plan.pace
        return probe is not None and self._failed.get(name, 0) >= probe.get("failureThreshold", 3) / often
