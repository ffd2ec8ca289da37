"""What a server shows to those who run it: the admin port, and metrics by OTLP, each where a setting asks for it."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version

from scorelens.conventions import SERVICE_INSTANCE_ID
from scorelens_runtime.admin.address import Address, bound, listen, shown
from scorelens_runtime.admin.readiness import Readiness
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.metrics.definitions import BUILD
from scorelens_runtime.metrics.instruments import Instruments
from scorelens_runtime.resource import resource_attributes


@dataclass(frozen=True)
class Wanted:
    """The two settings, and a socket that listens at `admin` already where another process made it."""

    admin: Address | None = None
    otlp: Endpoint | None = None
    listening: socket.socket | None = None

    def __bool__(self) -> bool:
        return self.admin is not None or self.otlp is not None or self.listening is not None


class Operations:
    """Shows a process's readiness and metrics from entering the block until its end; nothing where nothing is wanted.

    Enter it before what takes long, so that the process is seen to live while it starts.
    """

    def __init__(self, component: str, wanted: Wanted, instruments: Instruments, readiness: Readiness) -> None:
        """Take what is shown; `component` is such as "scorer"."""
        self._component, self._wanted = component, wanted
        self.instruments, self.readiness = instruments, readiness
        self._address = ""
        self._stack = ExitStack()

    def __enter__(self) -> Operations:
        """Raise SettingError where the address is taken."""
        if self._wanted:
            self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def details(self) -> dict[str, str]:
        """Return what a server announces of it: where the admin port is, nothing where there is none."""
        return {"admin": self._address} if self._address else {}

    def _begin(self) -> None:
        # Only here: a server that shows nothing loads no SDK.
        from scorelens_runtime.admin.server import AdminServer
        from scorelens_runtime.metrics.export import Telemetry

        wanted, component = self._wanted, self._component
        listening = wanted.listening
        if wanted.admin and listening is None:
            listening = listen(wanted.admin)
        self.instruments.read(BUILD, lambda: [((component, version("scorelens")), 1.0)])
        telemetry = Telemetry(self.instruments, _resource(component), str(wanted.otlp or ""))
        self._stack.callback(telemetry.close)
        if listening is not None:
            self._address = shown(bound(wanted.admin, listening)) if wanted.admin else ""
            self._stack.callback(AdminServer(listening, self.readiness, telemetry.text).close)


def _resource(component: str) -> dict[str, str]:
    """Describe this process; of several that serve in one pod each is an instance of its own."""
    resource = resource_attributes(f"scorelens-{component}", "", component, os.environ)
    resource[SERVICE_INSTANCE_ID] += f"/{os.getpid()}"
    return resource
