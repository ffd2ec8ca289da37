"""What the answers of an Elasticsearch mean (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scorelens_client.doctor.clocks import judged_clock
from scorelens_client.doctor.findings import Finding, fail, ok, warn
from scorelens_client.doctor.words import size

Body = Mapping[str, Any]

PART: Final = "store"
SUPPORTED: Final = 9
"""Major version of the server that is supported."""

WARN_SHARDS: Final = 0.8
FAIL_SHARDS: Final = 0.97
"""Shares of the shards that a cluster takes; beyond them all it makes no new index."""

_MARKS: Final = ("low", "high", "flood_stage")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)(b|kb|mb|gb|tb|pb)")
_UNITS: Final[Mapping[str, int]] = {unit: 1024**power for power, unit in enumerate(("b", "kb", "mb", "gb", "tb", "pb"))}


@dataclass(frozen=True)
class Disk:
    """The disk of one server, in bytes."""

    name: str
    total: float
    free: float


def versions(nodes: Body) -> Finding:
    """Judge `GET /_nodes`."""
    found = sorted({str(node["version"]) for node in nodes.get("nodes", {}).values()})
    text = f"Elasticsearch {', '.join(found)} on {len(nodes.get('nodes', {}))} of its servers"
    majors = {int(each.partition(".")[0]) for each in found}
    if any(major < SUPPORTED for major in majors):
        return fail(PART, "version", text, f"upgrade it: version {SUPPORTED} is supported")
    if any(major > SUPPORTED for major in majors):
        return warn(
            PART, "version", text, f"version {SUPPORTED} is what this scorelens was tried on; upgrade scorelens"
        )
    if len(found) > 1:
        return warn(PART, "version", text, "end the upgrade of the cluster: all of its servers need the same version")
    return ok(PART, "version", text)


def health(ours: Body, prefix: str) -> Finding:
    """Judge `GET /_cluster/health/INDICES`."""
    status, missing = ours["status"], ours["unassigned_shards"]
    servers = ours["number_of_data_nodes"]
    text = f"the indices of {prefix} are {status}: {ours['active_shards']:,} shards on {servers} data servers"
    explain = "GET _cluster/allocation/explain says why"
    if status == "red":
        return fail(
            PART,
            "health",
            f"{text}, {missing:,} missing: records cannot be found",
            f"start the servers that have them; {explain}",
        )
    if status == "yellow":
        advice = f"{explain}; a single server needs SCORELENS_ELASTICSEARCH_REPLICAS=0 or 0-1"
        return warn(PART, "health", f"{text}, {missing:,} copies missing: losing a server may lose records", advice)
    return ok(PART, "health", text)


def shards(whole: Body, settings: Mapping[str, str]) -> Finding:
    """Judge how many more shards the cluster takes, by its health and its settings."""
    most = int(settings.get("cluster.max_shards_per_node", 1000)) * max(1, int(whole["number_of_data_nodes"]))
    used = int(whole["active_shards"]) + int(whole["unassigned_shards"])
    text = f"{used:,} of {most:,} shards that the cluster takes (cluster.max_shards_per_node)"
    if used < WARN_SHARDS * most:
        return ok(PART, "shards", text)
    advice = "keep records for less long (--keep), take SCORELENS_ELASTICSEARCH_PERIOD=week or month, or add a server"
    return (fail if used >= FAIL_SHARDS * most else warn)(PART, "shards", text, advice)


def disks(stats: Body, settings: Mapping[str, str]) -> Iterator[Finding]:
    """Judge `GET /_nodes/stats/fs` by the watermarks: low stops new shards, high moves them, flood makes read-only."""
    found = [
        Disk(str(node["name"]), float(total["total_in_bytes"]), float(total["available_in_bytes"]))
        for node in stats.get("nodes", {}).values()
        if (total := node.get("fs", {}).get("total", {})).get("total_in_bytes") and _holds_data(node)
    ]
    if settings.get("cluster.routing.allocation.disk.threshold_enabled") == "false":
        least = min((disk.free for disk in found), default=0.0)
        yield ok(PART, "disk", f"{size(least)} free on the fullest server; its watermarks are switched off")
        return
    for disk in found:
        yield _by_watermarks(disk, settings, alone=len(found) == 1)


def blocks(indices: Body, cluster: Mapping[str, str]) -> Iterator[Finding]:
    """Judge `GET /INDICES/_settings` and the cluster's settings: what takes no writes, and why."""
    if "true" in (cluster.get("cluster.blocks.read_only"), cluster.get("cluster.blocks.read_only_allow_delete")):
        advice = "PUT _cluster/settings with cluster.blocks.read_only and read_only_allow_delete null undoes it"
        yield fail(PART, "read-only", "the whole cluster is read-only: nothing is stored", advice)
    by_kind: dict[str, list[str]] = {}
    for name, index in sorted(indices.items()):
        for kind, value in index.get("settings", {}).get("index", {}).get("blocks", {}).items():
            if str(value) == "true":
                by_kind.setdefault(kind, []).append(name)
    for kind, names in by_kind.items():
        yield fail(
            PART,
            "read-only",
            f"{_some(names)}: index.blocks.{kind} is set, so nothing is stored there",
            _undo(kind, names),
        )
    if not by_kind and cluster.get("cluster.blocks.read_only") != "true":
        yield ok(PART, "read-only", f"{len(indices):,} indices, all of which take writes")


def clocks(stats: Body, asked: float, answered: float) -> Iterator[Finding]:
    """Judge the clocks of the servers by their own time, which they told between two moments of ours."""
    for node in stats.get("nodes", {}).values():
        if "timestamp" in node:
            yield judged_clock(PART, f"server {node['name']}", node["timestamp"] / 1000, asked, answered, 0.0)


def flattened(settings: Body) -> dict[str, str]:
    """Return `GET /_cluster/settings?include_defaults` by dotted name, what was set before what is built in."""
    found: dict[str, str] = {}
    for level in ("defaults", "persistent", "transient"):
        found |= dict(_leaves(settings.get(level, {}), ""))
    return found


def _leaves(body: Body, above: str) -> Iterator[tuple[str, str]]:
    for name, value in body.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield above + name, str(value)


def _by_watermarks(disk: Disk, settings: Mapping[str, str], *, alone: bool) -> Finding:
    low, high, flood = (least_free(mark, disk.total, settings) for mark in _MARKS)
    text = f"{disk.name} has {size(disk.free)} of {size(disk.total)} free"
    advice = "delete what is too old (--keep), or give the server a larger disk, or add a server"
    if disk.free < flood:
        undo = "then its indices take writes again by themselves"
        return fail(
            PART,
            "disk",
            f"{text}, below the flood stage ({size(flood)}): its indices are read-only",
            f"{advice}; {undo}",
        )
    if disk.free < high:
        return fail(PART, "disk", f"{text}, below the high watermark ({size(high)}): shards are moved away", advice)
    if disk.free < low:
        what = "no new index is made" if alone else "it takes no new shards"
        return (fail if alone else warn)(PART, "disk", f"{text}, below the low watermark ({size(low)}): {what}", advice)
    if disk.free < 2 * low:
        return warn(PART, "disk", f"{text}; the low watermark is at {size(low)}", advice)
    return ok(PART, "disk", f"{text}; the low watermark is at {size(low)}")


def least_free(mark: str, total: float, settings: Mapping[str, str]) -> float:
    """Return the bytes that a watermark wants free: given as a share that is used, as a percentage, or as bytes."""
    name = f"cluster.routing.allocation.disk.watermark.{mark}"
    text = settings.get(name, {"low": "85%", "high": "90%"}.get(mark, "95%"))
    if found := _SIZE.fullmatch(text.lower()):
        return float(found[1]) * _UNITS[found[2]]
    used = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    room = _SIZE.fullmatch(settings.get(f"{name}.max_headroom", "").lower())
    headroom = float(room[1]) * _UNITS[room[2]] if room else total
    return min((1 - used) * total, headroom)


def _undo(kind: str, names: Sequence[str]) -> str:
    undo = f'PUT {",".join(names[:3])}/_settings {{"index.blocks.{kind}": null}}'
    if kind == "read_only_allow_delete":
        return f"the disk was too full: make room, and it goes by itself, or by {undo}"
    if kind == "write":
        return f"`scorelens elasticsearch reindex` sets it for moments; where none runs: reindex --abort, or {undo}"
    return f"somebody set it: {undo} undoes it"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _holds_data(node: Body) -> bool:
    return any(str(role).startswith("data") for role in node.get("roles", ["data"]))
