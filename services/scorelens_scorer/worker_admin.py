"""The admin port of several workers: what each says at a socket of its own, put together by their supervisor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scorelens_runtime.admin.address import Address, bound, listen, shown
from scorelens_runtime.admin.asking import ask
from scorelens_runtime.admin.private import private_folder
from scorelens_runtime.admin.readiness import Readiness

WORKER: Final = "worker"
"""The label that tells the workers' metrics apart: 1 for the first."""

_ADMIN_VARIABLE: Final = "SCORELENS_SCORER_ADMIN"
_OK: Final = 200


@dataclass(frozen=True)
class WorkerAdmin:
    """The admin port of a supervisor; without an address there is none."""

    readiness: Readiness
    address: str = ""
    sockets: Mapping[int, Path] = field(default_factory=dict)

    def environment(self, number: int) -> dict[str, str]:
        """Return the variables that tell a worker where to answer."""
        return {_ADMIN_VARIABLE: shown(self.sockets[number])} if self.sockets else {}

    def details(self) -> dict[str, str]:
        """Return what the supervisor announces of it."""
        return {"admin": self.address} if self.address else {}


@contextmanager
def serving(admin: Address | None, count: int) -> Iterator[WorkerAdmin]:
    """Serve at an address what so many workers say, until the end of the block. Raises SettingError."""
    if admin is None:
        yield WorkerAdmin(Readiness())
        return
    from scorelens_runtime.admin.server import AdminServer

    with private_folder() as folder, listen(admin) as listening:
        sockets = {number: folder / f"{WORKER}-{number}" for number in range(1, count + 1)}
        readiness = Readiness(lambda: _objection(sockets))
        readiness.start()  # from now on the workers decide
        with closing(AdminServer(listening, readiness, lambda: _metrics(sockets))):
            yield WorkerAdmin(readiness, shown(bound(admin, listening)), sockets)


def _objection(sockets: Mapping[int, Path]) -> str:
    """Return why no worker is ready; one that is will do."""
    reasons = []
    for number, path in sockets.items():
        try:
            status, said = ask(path, "/readyz")
        except OSError:
            reasons.append(f"worker {number} does not answer")
            continue
        if status == _OK:
            return ""
        reasons.append(f"worker {number}: {said.decode().strip()}")
    return "; ".join(reasons)


def _metrics(sockets: Mapping[int, Path]) -> bytes:
    """Return the metrics of all workers that answer."""
    from scorelens_runtime.metrics.merging import merge

    texts = {}
    for number, path in sockets.items():
        try:
            texts[str(number)] = ask(path, "/metrics")[1]
        except OSError:
            continue
    return merge(WORKER, texts)
