"""An Elasticsearch that keeps the records: asked as whoever the settings sign in as, changed in nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from scorelens_client.doctor import cluster
from scorelens_client.doctor.certificates import certified
from scorelens_client.doctor.cluster import PART
from scorelens_client.doctor.findings import Finding, fail, ok, skipped, warn
from scorelens_client.doctor.network import reached
from scorelens_client.doctor.places import Place, Places
from scorelens_client.doctor.records import newest
from scorelens_runtime.endpoint import Endpoint, is_loopback
from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.errors import NotAllowedError
from scorelens_store.elasticsearch.indices import index_pattern
from scorelens_store.elasticsearch.nodes import address, split
from scorelens_store.elasticsearch.plan import Plan
from scorelens_store.elasticsearch.roles import Role, roles, to_api
from scorelens_store.elasticsearch.settings import ElasticsearchSettings, from_environment, read_prefix
from scorelens_store.elasticsearch.setup import open_setup
from scorelens_store.elasticsearch.templates import forgotten_name
from scorelens_store.errors import QueryError, StoreUnavailableError
from scorelens_store.open import open_reader

_TIMEOUT: Final = 5.0
_NODES: Final = "/_nodes/http?filter_path=nodes.*.name,nodes.*.version"
_STATS: Final = "/_nodes/stats/fs?filter_path=nodes.*.name,nodes.*.roles,nodes.*.timestamp,nodes.*.fs.total"
_CLUSTER: Final = "/_cluster/settings?include_defaults=true&filter_path=" + ",".join(
    f"*.cluster.{name}" for name in ("routing.allocation.disk", "max_shards_per_node", "blocks")
)
_BLOCKS: Final = "*.settings.index.blocks,*.settings.index.uuid"
_NEEDING: Final = {"SCORELENS_INDEXER_STORE": "writer", "SCORELENS_CONSOLE_STORE": "console"}
"""Role that whoever a variable is meant for needs; everybody else only reads."""


def elasticsearch(places: Places, where: str, named_by: str) -> Iterator[Finding]:
    """Check servers, credentials, rights, templates, disks, indices and the newest record."""
    url, mark, prefix = where.partition("#")
    settings = from_environment(places.environment)
    settings = replace(settings, timeout=min(settings.timeout, _TIMEOUT))
    if mark:
        settings = replace(settings, prefix=read_prefix(prefix))
    failed = False
    for server in split(url):
        for finding in _server(address(server), named_by, settings):
            failed |= finding.last
            yield finding
    if failed and len(split(url)) == 1:
        return
    with closing(Connection(url, settings)) as connection:
        asking = _Asking(connection, settings, _NEEDING.get(named_by, "reader"))
        yield from asking.findings()
    if not asking.answered:
        return
    yield from _templates(url, settings, asking.unseen)
    with closing(open_reader(url, settings)) as reader:
        yield from newest(reader)


def _server(url: str, named_by: str, settings: ElasticsearchSettings) -> Iterator[Finding]:
    parts = urlsplit(url)
    endpoint = Endpoint(parts.hostname or "", parts.port or 9200, parts.scheme == "https")
    place = Place(PART, endpoint, named_by, settings.ca_file)
    for finding in reached(PART, endpoint, named_by):
        yield finding
        if finding.last:
            return
    if endpoint.tls and settings.client_certificate is None:
        yield from certified(place)


class _Asking:
    """Questions to a server that takes connections; what the credentials may not see is said as not checked."""

    def __init__(self, connection: Connection, settings: ElasticsearchSettings, role: str) -> None:
        self._connection, self._prefix = connection, settings.prefix
        self._role = role
        self.answered = False
        # Who only reads records does not see the tombstones, wherever they are.
        self.unseen = () if role == "writer" else (f"index {forgotten_name(settings.prefix)}",)
        self._names = f"{index_pattern(settings.prefix)},{forgotten_name(settings.prefix)}"

    def findings(self) -> Iterator[Finding]:
        """Yield all, or only why there is no answer."""
        try:
            nodes = self._connection.request("GET", _NODES)
        except NotAllowedError:
            nodes = None
        except StoreUnavailableError as error:
            yield fail(PART, "answer", str(error), "correct that; nothing else of the store can be told before")
            return
        self.answered = True
        yield from self._rights()
        yield cluster.versions(nodes) if nodes else skipped(PART, "version", _lacking("monitor"))
        yield from self._told("health", self._health)
        yield from self._told("disk", self._disk)
        yield from self._told("read-only", self._blocks)

    def _told(self, check: str, ask: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
        try:
            yield from ask()
        except NotAllowedError:
            yield skipped(PART, check, _lacking("monitor"))
        except StoreUnavailableError as error:
            yield fail(PART, check, str(error), "is the server overloaded? its log says more")

    def _rights(self) -> Iterator[Finding]:
        known = roles(self._prefix)
        try:
            who = (self._connection.request("GET", "/_security/_authenticate") or {}).get("username", "")
            lacks = {name: self._lacks(known[name]) for name in ("reader", self._role)}
        except QueryError:
            yield self._open()
            return
        except StoreUnavailableError as error:
            yield fail(PART, "rights", str(error), "`scorelens elasticsearch roles` lists what each role needs")
            return
        if missing := lacks[self._role] or lacks["reader"]:
            advice = (
                f"give {who} the role {known[self._role].name}: `scorelens elasticsearch roles --role {self._role}`"
            )
            yield fail(PART, "rights", f"{who} lacks {', '.join(missing)}, which a {self._role} needs", advice)
        else:
            yield ok(PART, "rights", f"signs in as {who}, with all rights of a {self._role}")

    def _lacks(self, role: Role) -> list[str]:
        asked = to_api(role)
        body = {"cluster": asked["cluster"], "index": asked["indices"]}
        found = self._connection.request("POST", "/_security/user/_has_privileges", body) or {}
        lacking = [name for name, has in found.get("cluster", {}).items() if not has]
        for index, rights in found.get("index", {}).items():
            lacking += [f"{name} on {index}" for name, has in rights.items() if not has]
        return lacking

    def _open(self) -> Finding:
        where = self._connection.where
        hosts = [urlsplit(each).hostname or "" for each in where.partition(", ")[2].split(", ")]
        if all(map(is_loopback, hosts)):
            return ok(PART, "rights", "security is switched off: anybody on this machine may read and change records")
        advice = "switch xpack.security on, and let only the documented parts reach it until then"
        return warn(PART, "rights", "security is switched off: whoever reaches it may read and change records", advice)

    def _health(self) -> Iterator[Finding]:
        whole = self._connection.request("GET", "/_cluster/health")
        # By patterns alone: for a name that is not there the server waits until it is.
        path = f"/_cluster/health/{index_pattern(self._prefix)},{forgotten_name(self._prefix)}*?expand_wildcards=all"
        yield cluster.health(self._connection.request("GET", path), self._prefix)
        yield cluster.shards(whole, self._settings())

    def _disk(self) -> Iterator[Finding]:
        asked = time.time()
        stats = self._connection.request("GET", _STATS)
        yield from cluster.disks(stats, self._settings())
        yield from cluster.clocks(stats, asked, time.time())

    def _blocks(self) -> Iterator[Finding]:
        path = f"/{self._names}/_settings?ignore_unavailable=true&expand_wildcards=all&filter_path={_BLOCKS}"
        yield from cluster.blocks(self._connection.request("GET", path) or {}, self._settings())

    def _settings(self) -> Mapping[str, str]:
        return cluster.flattened(self._connection.request("GET", _CLUSTER) or {})


def _templates(url: str, settings: ElasticsearchSettings, unseen: Sequence[str]) -> Iterator[Finding]:
    try:
        with open_setup(url, settings) as setup:
            plan = setup.plan()
    except NotAllowedError:
        yield skipped(
            PART, "templates", "needs credentials of the role setup: `scorelens elasticsearch setup --dry-run`"
        )
        return
    except StoreUnavailableError as error:
        yield fail(PART, "templates", str(error), "set it as the server has it")
        return
    yield _planned(plan, settings.prefix, unseen)


def _planned(plan: Plan, prefix: str, unseen: Sequence[str]) -> Finding:
    show = "`scorelens elasticsearch setup --dry-run` shows it, and without --dry-run does it"
    if plan.newer:
        text = f"a newer scorelens set {prefix} up (version {plan.newer})"
        return warn(PART, "templates", text, "upgrade what runs here; docs/upgrading.md has the order")
    created = [step.what for step in plan.steps if not step.changes and step.what not in unseen]
    changed = [step.what for step in plan.steps if step.changes]
    if created:
        return fail(PART, "templates", f"{prefix} lacks {_some(created)}", f"set it up: {show}")
    if changed:
        return warn(PART, "templates", f"{_some(changed)}: not as the settings here say", show)
    if stale := [one.index for one in plan.left if one.needs_reindex]:
        text = f"{_some(stale)}: searches find less there than they would"
        return warn(PART, "templates", text, "`scorelens elasticsearch reindex --all-old --dry-run` says why")
    return ok(PART, "templates", f"templates, alias and indices of {prefix} are up to date")


def _some(names: Sequence[Any]) -> str:
    return ", ".join(map(str, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _lacking(privilege: str) -> str:
    return f"needs the cluster privilege {privilege}"
