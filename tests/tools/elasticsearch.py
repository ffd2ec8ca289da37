"""Real Elasticsearch servers for the tests: of the project's own distribution, or of the official image."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final

from tests.tools import distribution, docker, lifeline
from tests.tools.jdk import find_jdk
from tests.tools.missing import MissingPartError
from tests.tools.ports import free_port

START_LIMIT: Final = 150.0
STOP_LIMIT: Final = 60.0
SETTINGS: Final = {
    "discovery.type": "single-node",
    "cluster.routing.allocation.disk.threshold_enabled": "false",
    "cluster.max_shards_per_node": "10000",
    "xpack.security.enabled": "false",
}
JAVA_OPTIONS: Final = "-Xms512m -Xmx512m -XX:TieredStopAtLevel=1"
"""A small heap, and half the work at the start for less speed later on."""

_ANYBODY: Final = ssl._create_unverified_context()
"""To ask whether a server is there, which needs no proof of who it is."""

GET: Final = "set SCORELENS_ELASTICSEARCH_URL to a server, or start Docker"


class ElasticsearchServer(ABC):
    """A server of this test run's own, on a port of this machine that stays the same over restarts, like its data."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.port = free_port()
        self._scheme = "https" if settings.get("xpack.security.http.ssl.enabled") == "true" else "http"

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until the server answers."""
        self._launch()
        limit = time.monotonic() + START_LIMIT
        while not self.answers():
            if not self._runs() or time.monotonic() > limit:
                raise AssertionError(f"Elasticsearch did not start:\n{self.said()[-4000:]}")
            time.sleep(0.1)

    def restart(self) -> None:
        """Start again with the same data, ending it first if it runs."""
        self.stop()
        self.start()

    def answers(self) -> bool:
        """Tell whether the server answers now; that it wants credentials is an answer."""
        try:
            with urllib.request.urlopen(
                f"{self.url}/_cluster/health?wait_for_status=yellow&timeout=5s", timeout=10, context=_ANYBODY
            ) as got:
                return bool(json.load(got)["timed_out"] is False)
        except urllib.error.HTTPError as error:
            with error:
                return error.code == 401
        except (OSError, ValueError):
            return False

    @abstractmethod
    def stop(self) -> None:
        """End as an administrator would."""

    @abstractmethod
    def kill9(self) -> None:
        """End without any warning; returns when the port is free."""

    @abstractmethod
    def close(self) -> None:
        """End for good and remove the data."""

    @abstractmethod
    def said(self) -> str:
        """Return the log."""

    @abstractmethod
    def _launch(self) -> None: ...

    @abstractmethod
    def _runs(self) -> bool: ...


class UnpackedServer(ElasticsearchServer):
    """A server of the fetched distribution, with its own copy of it; `files` are put into its configuration folder."""

    def __init__(self, settings: Mapping[str, str], files: Mapping[str, str], java: str = JAVA_OPTIONS) -> None:
        super().__init__(settings)
        self._java = java
        self.settings = settings
        distribution.fetch()
        self._jdk = find_jdk()
        self._home = distribution.unpack()
        self._folder = self._home.parent
        self._log = self._folder / "output.log"
        self._temporary = self._folder / "tmp"
        self._temporary.mkdir()
        owner = self._folder.stat()
        os.chown(self._temporary, owner.st_uid, owner.st_gid)
        self._process: subprocess.Popen[bytes] | None = None
        own = {
            "network.host": "127.0.0.1",
            "http.port": str(self.port),
            "xpack.security.autoconfiguration.enabled": "false",
        }
        lines = [f"{name}: {value}\n" for name, value in {**SETTINGS, **own, **settings}.items()]
        for name, text in {"elasticsearch.yml": "".join(lines), **files}.items():
            (self._home / "config" / name).write_text(text)

    def _launch(self) -> None:
        environment = {
            "ES_JAVA_HOME": str(self._jdk),
            "ES_JAVA_OPTS": self._java,
            "CLI_JAVA_OPTS": "-XX:TieredStopAtLevel=1",
            "HOME": str(self._folder),
            "ES_TMPDIR": str(self._temporary),
            "PATH": os.environ.get("PATH", os.defpath),
        }
        command = [sys.executable, lifeline.__file__, str(self._folder), str(self._home / "bin" / "elasticsearch")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )

    def _runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End as SIGTERM does."""
        self._tell(b"t")

    def kill9(self) -> None:
        """End as kill -9 does."""
        self._tell(b"k")

    def _tell(self, word: bytes) -> None:
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(word)
            self._process.stdin.flush()
        self._process.wait(STOP_LIMIT)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process = None

    def close(self) -> None:
        """End for good and remove the data."""
        self.kill9()
        shutil.rmtree(self._folder, ignore_errors=True)

    def said(self) -> str:
        """Return what the server printed."""
        return self._log.read_text(errors="replace")


class DockerServer(ElasticsearchServer):
    """A server of the official image; `files` are put into its configuration folder."""

    def __init__(self, settings: Mapping[str, str], files: Mapping[str, str], java: str = JAVA_OPTIONS) -> None:
        super().__init__(settings)
        own = {"ES_JAVA_OPTS": java, "ingest.geoip.downloader.enabled": "false"}
        self._container = docker.create({**SETTINGS, **own, **settings}, self.port)
        for name, text in files.items():
            docker.put(self._container, f"/usr/share/elasticsearch/config/{name}", text)
        self._guard = docker.guard(self._container)

    def _launch(self) -> None:
        docker.docker("start", self._container)

    def _runs(self) -> bool:
        return docker.docker("inspect", "--format", "{{.State.Running}}", self._container).strip() == "true"

    def stop(self) -> None:
        """End as `docker stop` does."""
        docker.docker("stop", self._container)

    def kill9(self) -> None:
        """End as `docker kill` does."""
        docker.docker("kill", self._container)

    def close(self) -> None:
        """Remove the container with its data."""
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard.wait(STOP_LIMIT)

    def said(self) -> str:
        """Return the container's log."""
        return docker.docker("logs", self._container)


def prepare() -> str:
    """Have what a server needs; return what was found or fetched. Raises MissingPartError."""
    if url := given_url():
        return f"found: SCORELENS_ELASTICSEARCH_URL is {_without_credentials(url)}"
    try:
        return f"{distribution.fetch()}: {distribution.VERSION}, run by {find_jdk()}"
    except MissingPartError as error:
        if docker.answers():
            return f"found: Docker runs {docker.IMAGE}"
        raise MissingPartError(f"{error}; or {GET}") from error


def make_server(
    settings: Mapping[str, str] = {}, files: Mapping[str, str] = {}, java: str = JAVA_OPTIONS
) -> ElasticsearchServer:
    """Return a server that is not started yet; `java` are the options of its machine. Raises MissingPartError."""
    try:
        return UnpackedServer(settings, files, java)
    except MissingPartError as error:
        if docker.answers():
            return DockerServer(settings, files, java)
        raise MissingPartError(f"{error}; or {GET}") from error


def make_first() -> ElasticsearchServer:
    """Return a server, not started yet, to which another can be added (make_second). Raises MissingPartError."""
    try:
        port = free_port()
        own = {"node.name": "first", "cluster.initial_master_nodes": "first", "transport.port": str(port)}
        return UnpackedServer(_cluster(port) | own, {})
    except MissingPartError:
        return make_server()


def make_second(first: ElasticsearchServer) -> ElasticsearchServer:
    """Return a second server of the cluster, not started yet. Raises MissingPartError.

    The first stays the only one that can be the master: of two that can, each needs the other. Either has all records
    of indices with a copy. The second has no room for bulk requests and answers 429 to them.
    """
    if not isinstance(first, UnpackedServer):
        raise MissingPartError("a cluster of two servers needs Maven and a JDK of at least 21")
    own = {
        "node.name": "second",
        "node.roles": "[data, ingest]",
        "transport.port": str(free_port()),
        "indexing_pressure.memory.coordinating.limit": "1kb",
    }
    return UnpackedServer(_cluster(int(first.settings["transport.port"])) | own, {})


def _cluster(port: int) -> dict[str, str]:
    return {
        "cluster.name": f"pair-{port}",
        "discovery.type": "multi-node",
        "discovery.seed_hosts": f"127.0.0.1:{port}",
    }


def given_url() -> str:
    """Return the server that the environment names, or nothing."""
    return os.environ.get("SCORELENS_ELASTICSEARCH_URL", "")


def _without_credentials(url: str) -> str:
    scheme, separator, rest = url.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
