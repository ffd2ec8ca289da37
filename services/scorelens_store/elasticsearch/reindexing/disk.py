"""Whether the servers' disks have room for the copy of an index (pure).

Elasticsearch makes all indices of a server read-only whose disk is nearly full (`disk.watermark.flood_stage`: 95 %, or
100 GB of room on a large one). A copy must not bring that about for those who write.
"""

from __future__ import annotations

from typing import Any, Final

STATS: Final = "/_nodes/stats/fs?filter_path=nodes.*.fs.total,nodes.*.roles"
"""What to ask the server for."""

_SHARE: Final = 0.05
_MOST: Final = 100 * 2**30
_MERGING: Final = 1.2
"""Until its segments are merged, a copy is larger than what was merged already."""


def shortage(size: int, stats: dict[str, Any]) -> str:
    """Return why a copy of so many bytes has no room, nothing where it has or where that cannot be told."""
    disks = [
        node["fs"]["total"]
        for node in stats.get("nodes", {}).values()
        if node.get("fs", {}).get("total", {}).get("total_in_bytes") and _holds_data(node)
    ]
    if not disks:
        return ""
    kept = sum(min(_MOST, _SHARE * disk["total_in_bytes"]) for disk in disks)
    room = sum(disk["available_in_bytes"] for disk in disks) - kept
    needed = size * _MERGING
    if needed <= room:
        return ""
    return (
        f"its copy takes about {in_words(needed)}, and the disks have {in_words(max(0, room))} until they are too full"
    )


def in_words(size: float) -> str:
    """Return bytes as people read them."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"


def _holds_data(node: dict[str, Any]) -> bool:
    return any(str(role).startswith("data") for role in node.get("roles", ["data"]))
