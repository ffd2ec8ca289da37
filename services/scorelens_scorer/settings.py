"""Settings of the scorer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from scorelens_runtime.admin.address import Address, admin_setting, metrics_otlp_setting
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.home import default_home
from scorelens_runtime.settings import duration, setting, size, whole, yes_no


def names(text: str) -> tuple[str, ...]:
    """Read names that are separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def folder(text: str) -> Path:
    """Read a folder; empty means models/ in SCORELENS_HOME."""
    return Path(text).expanduser() if text else default_home() / "models"


@dataclass(frozen=True)
class ScorerSettings:
    """The scorer serves one or more models over the scoring contract."""

    listen: Endpoint = setting(
        "127.0.0.1:50052", "Address to serve on; port 0 takes any free one.", Endpoint.parse_listen
    )
    model: tuple[str, ...] = setting(
        "",
        "Models to serve, repeated or separated by commas: media-tagger, offer-ranker, the id of a trained model, "
        "module:attribute, a folder with a saved model, or an entry point of the group scorelens.models; none means "
        "both reference models and every model that was promoted.",
        names,
        many=True,
    )
    cache: Path = setting("", "Folder where versions of models are kept; none means models/ in SCORELENS_HOME.", folder)
    terms: int = setting(
        "20", "Leading terms of each calculation where the caller names no number.", whole(1, 2**32 - 1)
    )
    max_documents: int = setting("1000", "Most documents in one request.", whole(1))
    max_text: int = setting("32MiB", "Longest text of one document.", size)
    max_message: int = setting("64MiB", "Largest request and answer.", size)
    workers: int = setting(
        "1", "Processes that serve on the same port, on Linux; 0 means one for each processor.", whole(0, 1024)
    )
    threads: int = setting(
        "1",
        "Threads that score, in each process; more pay for models that wait for something or compute outside Python.",
        whole(1, 1024),
    )
    queue_documents: int = setting(
        "10000", "Documents that may wait to be scored, in each process; calls beyond are told to come again.", whole(1)
    )
    queue_bytes: int = setting("256MiB", "Bytes of requests that may wait, likewise.", size)
    join: bool = setting("yes", "Score small requests that wait at the same time as one batch.", yes_no)
    drain: float = setting("10s", "How long calls in flight get to end after SIGTERM.", duration)
    max_connection_age: float = setting(
        "0s", "Age at which connections end, so that clients spread over new servers; 0s means never.", duration
    )
    admin: Address | None = admin_setting()
    metrics_otlp: Endpoint | None = metrics_otlp_setting()

    @property
    def processes(self) -> int:
        """How many processes serve."""
        return self.workers or processors()


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
