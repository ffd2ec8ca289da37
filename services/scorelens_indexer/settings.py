"""Settings of the indexer; docs/settings.md lists them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scorelens_runtime.admin.address import Address, admin_setting, metrics_otlp_setting
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import SettingError
from scorelens_runtime.home import default_home
from scorelens_runtime.settings import choice, duration, setting, size, whole
from scorelens_store.open import is_url, read_store

LEAST_BYTES = 16 * 2**20


def folder_of(text: str) -> Path:
    """Read the folder of the account and the dead letters."""
    return Path(text).expanduser().absolute() if text else default_home() / "indexer"


def _keep(text: str) -> float:
    seconds = 0.0 if text == "0" else float(duration(text))
    if 0 < seconds < 86_400:
        raise SettingError(f"{text!r} is less than a day, the least that is kept; 0 keeps everything")
    return seconds


@dataclass(frozen=True)
class IndexerSettings:
    """Where the indexer listens, which store it fills, and how much it takes on at once."""

    listen: Endpoint = setting("127.0.0.1:4317", "Address that exporters connect to.", Endpoint.parse_listen)
    store: str = setting(
        "", "Folder of the embedded store, or the URL of an Elasticsearch (SCORELENS_HOME/store).", read_store
    )
    folder: Path = setting("", "Folder of the account and the dead letters (SCORELENS_HOME/indexer).", folder_of)

    keep: float = setting("0", "How long records are kept, in whole days such as 90d; 0 is for ever.", _keep)
    keep_bytes: int = setting(
        "0", "Size of the embedded store at which the oldest days are removed, such as 50GiB; 0 is any.", size
    )

    max_message: int = setting(
        "48MiB", "Largest export to accept; one document with its calculations has to fit.", size
    )
    waiting_bytes: int = setting("64MiB", "Most bytes of exports in work; beyond it senders are told to wait.", size)
    waiting_exports: int = setting("16", "Most exports in work; beyond it senders are told to wait.", whole(1, 1000))
    batch_bytes: int = setting("16MiB", "Most bytes of exports that are written to the store together.", size)
    batch_records: int = setting("5000", "Most records that are written to the store together.", whole(1))

    dead_letter_bytes: int = setting("64MiB", "Size at which the file of dead letters is rotated.", size)
    dead_letter_files: int = setting("4", "How many files of dead letters are kept.", whole(1))

    drain: float = setting("30s", "How long exports in work may go on after SIGTERM.", duration)
    max_connection_age: float = setting(
        "0s", "Age at which connections end, so that senders spread over new indexers; 0s means never.", duration
    )
    admin: Address | None = admin_setting()
    metrics_otlp: Endpoint | None = metrics_otlp_setting()
    log_level: str = setting("info", "Least level of log lines.", choice("debug", "info", "warning", "error"))

    def __post_init__(self) -> None:
        if self.keep_bytes and is_url(self.store):
            raise SettingError("setting --keep-bytes: only the embedded store is bounded by size; take --keep")
        if 0 < self.keep_bytes < LEAST_BYTES:
            raise SettingError("setting --keep-bytes: must be at least 16MiB, or 0 for any size")
