"""Where the parts of a system are: named by a flag, by the variables of the parts themselves, or by what runs here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scorelens_client.addresses import reachable
from scorelens_client.home import Home
from scorelens_runtime.endpoint import Endpoint, is_loopback
from scorelens_runtime.errors import SettingError
from scorelens_store.open import is_url, read_store

VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "sidecar": ("SCORELENS_CONSOLE_SIDECAR", "SCORELENS_SIDECAR_LISTEN"),
    "scorer": ("SCORELENS_SIDECAR_UPSTREAM", "SCORELENS_SCORER_LISTEN"),
    "indexer": ("SCORELENS_SIDECAR_OTLP", "SCORELENS_CONSOLE_INDEXER", "SCORELENS_INDEXER_LISTEN"),
    "console": ("SCORELENS_CONSOLE_URL", "SCORELENS_CONSOLE_LISTEN", "SCORELENS_CONSOLE_PUBLIC_URL"),
    "store": ("SCORELENS_INDEXER_STORE", "SCORELENS_CONSOLE_STORE", "SCORELENS_ELASTICSEARCH_URL"),
}
"""Variables that say where a part is, the first that is set wins."""

AUTHORITIES: Final = {
    "sidecar": "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "scorer": "SCORELENS_SIDECAR_UPSTREAM_CA",
    "indexer": "SCORELENS_SIDECAR_OTLP_CA",
    "console": "SCORELENS_CONSOLE_CA_FILE",
    "store": "SCORELENS_ELASTICSEARCH_CA_FILE",
}
"""Variables that name the file of the authorities by which a part's certificate is checked."""

_CERTIFICATES: Final = {"sidecar": "SCORELENS_SIDECAR_TLS_CERTIFICATE", "console": "SCORELENS_CONSOLE_TLS_CERT"}
_FOLDERS: Final = {
    "sidecar": "SCORELENS_SIDECAR_FOLDER",
    "indexer": "SCORELENS_INDEXER_FOLDER",
    "console": "SCORELENS_CONSOLE_FOLDER",
    "models": "SCORELENS_SCORER_CACHE",
}
_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104


@dataclass(frozen=True)
class Place:
    """Where a part can be asked, and what said so.

    `own` is set where the part runs in this machine or container, and is reached past the name in its certificate.
    """

    part: str
    endpoint: Endpoint
    named_by: str
    authorities: Path | None = None
    own: bool = False


@dataclass(frozen=True)
class Folder:
    """A folder of a part on this machine, and what said so."""

    part: str
    path: Path
    named_by: str


@dataclass(frozen=True)
class Places:
    """All that was named; `flags` by part wins over the environment, and that over the system that runs in the home."""

    home: Home
    environment: Mapping[str, str]
    flags: Mapping[str, str]

    def parts(self, part: str) -> list[Place]:
        """Return where a part is, several where several were named, none where nothing says it. Raises SettingError."""
        text, named_by = self._named(part)
        return [self._place(part, each.strip(), named_by) for each in text.split(",") if each.strip()]

    def store(self) -> tuple[str, str]:
        """Return folder or address of the store, and what said so; nothing where nothing does. Raises SettingError."""
        text, named_by = self._named("store")
        if text:
            try:
                return read_store(text), named_by
            except SettingError as error:
                raise SettingError(f"setting {named_by}: {error}") from error
        last = self.home.last_store()
        return (last, "SCORELENS_HOME") if is_url(last) or Path(last).is_dir() else ("", "")

    def folders(self) -> Iterator[Folder]:
        """Yield the folders that are named, or are in the home."""
        for part, variable in _FOLDERS.items():
            if named := self.environment.get(variable):
                yield Folder(part, Path(named).expanduser().absolute(), variable)
            elif (own := self.home.path / part).is_dir():
                yield Folder(part, own, "SCORELENS_HOME")
        where, named_by = self.store()
        if where and not is_url(where) and Path(where).is_dir():
            yield Folder("store", Path(where), named_by)

    def folder(self, part: str) -> Folder | None:
        """Return a folder of a part."""
        return next((each for each in self.folders() if each.part == part), None)

    def admin(self, part: str) -> Place | None:
        """Return where a part tells how it is. Raises SettingError."""
        variable = f"SCORELENS_{part}_ADMIN".upper()
        text = self.environment.get(variable, "")
        if text.startswith("unix:"):  # for who is in the same container, and is not asked here
            return None
        return self._listening(part, text, variable) if text else None

    def has_stopped(self) -> bool:
        """Tell whether a system ran in the home and does not, and nothing names one elsewhere."""
        return (
            self.home.run.is_dir()
            and self.home.running() is None
            and not any(self._named(part)[0] for part in VARIABLES)
        )

    def hint(self, part: str) -> str:
        """Say what to set so that a part is checked."""
        return f"set {VARIABLES[part][0]} (or start it with `scorelens up`)"

    def _named(self, part: str) -> tuple[str, str]:
        if text := self.flags.get(part):
            return text, f"--{part}"
        for variable in VARIABLES[part]:
            if text := self.environment.get(variable):
                return text, variable
        system = self.home.running()
        return (str(getattr(system, part)), "the running system") if system else ("", "")

    def _place(self, part: str, text: str, named_by: str) -> Place:
        if named_by.endswith("_LISTEN"):
            return self._listening(part, text, named_by, tls=bool(self.environment.get(_CERTIFICATES.get(part, ""))))
        try:
            return Place(part, _read(part, text), named_by, self._authorities(part))
        except SettingError as error:
            raise SettingError(f"setting {named_by}: {error}") from error

    def _listening(self, part: str, text: str, named_by: str, *, tls: bool = False) -> Place:
        try:
            endpoint = Endpoint.parse(reachable(text))
        except SettingError as error:
            raise SettingError(f"setting {named_by}: {error}") from error
        own = text.rpartition(":")[0].strip("[]") in _EVERYWHERE or is_loopback(endpoint.host)
        return Place(part, Endpoint(endpoint.host, endpoint.port, tls), named_by, self._authorities(part), own)

    def _authorities(self, part: str) -> Path | None:
        named = self.environment.get(AUTHORITIES[part])
        return Path(named).expanduser() if named else None


def _read(part: str, text: str) -> Endpoint:
    if part != "console":
        return Endpoint.parse(text)
    scheme, mark, rest = text.rpartition("://")
    host = rest.partition("/")[0]
    if ":" not in host.rpartition("]")[2]:
        host += ":443" if scheme == "https" or not mark else ":80"
    return Endpoint.parse(f"{scheme}://{host}" if mark else host)
