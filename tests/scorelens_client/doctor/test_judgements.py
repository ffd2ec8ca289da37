"""What is judged by numbers alone."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from scorelens.v1 import scorer_pb2
from scorelens_client.commands.doctor import line
from scorelens_client.doctor import cluster
from scorelens_client.doctor.accounts import indexer_findings, sidecar_findings
from scorelens_client.doctor.clocks import judged_clock
from scorelens_client.doctor.findings import Finding, Mark
from scorelens_client.doctor.metrics import account_of
from scorelens_client.doctor.parts import told
from scorelens_client.doctor.places import Places
from scorelens_client.doctor.registry import kept_models
from scorelens_client.doctor.run import Group, examine
from scorelens_client.doctor.web import readiness, same_version
from scorelens_client.doctor.wire import compare
from scorelens_client.home import Home

GIB = 2**30
WATERMARKS = {
    "cluster.routing.allocation.disk.watermark.low": "85%",
    "cluster.routing.allocation.disk.watermark.low.max_headroom": "200GB",
    "cluster.routing.allocation.disk.watermark.high": "90%",
    "cluster.routing.allocation.disk.watermark.high.max_headroom": "150GB",
    "cluster.routing.allocation.disk.watermark.flood_stage": "95%",
    "cluster.routing.allocation.disk.watermark.flood_stage.max_headroom": "100GB",
}


def stats(*free: float, total: float = 1000 * GIB) -> dict[str, Any]:
    """Return what servers say of disks with so many bytes free."""
    nodes = {
        str(number): {
            "name": f"n-{number}",
            "roles": ["data"],
            "fs": {"total": {"total_in_bytes": total, "available_in_bytes": one}},
        }
        for number, one in enumerate(free)
    }
    return {"nodes": nodes}


@pytest.mark.parametrize(
    ("free", "mark", "word"),
    [
        (500, Mark.OK, "low"),
        (200, Mark.WARN, "low"),
        (120, Mark.FAIL, "low"),
        (80, Mark.FAIL, "high"),
        (20, Mark.FAIL, "flood"),
    ],
)
def test_a_disk_is_judged_by_the_watermarks(free: float, mark: Mark, word: str) -> None:
    """On the only server no new index is made below the low watermark; below the flood stage nothing is stored."""
    [found] = cluster.disks(stats(free * GIB), WATERMARKS)
    assert (found.mark, word in found.text) == (mark, True)


def test_one_of_several_full_disks_is_a_warning_at_first() -> None:
    """Below the low watermark the other servers still take the new shards."""
    marks = [one.mark for one in cluster.disks(stats(500 * GIB, 120 * GIB), WATERMARKS)]
    assert marks == [Mark.OK, Mark.WARN]


@pytest.mark.parametrize(
    ("settings", "total", "free"),
    [
        ({}, 100.0, 15.0),
        ({"cluster.routing.allocation.disk.watermark.low": "0.7"}, 100.0, 30.0),
        ({"cluster.routing.allocation.disk.watermark.low": "50gb"}, 100 * GIB, 50 * GIB),
        (WATERMARKS, 10_000 * GIB, 200 * GIB),
    ],
)
def test_watermarks_are_read_in_every_form(settings: dict[str, str], total: float, free: float) -> None:
    """As a percentage, a share, bytes, and with a bound on large disks."""
    assert cluster.least_free("low", total, settings) == pytest.approx(free)


@pytest.mark.parametrize(("version", "mark"), [("8.19.0", Mark.FAIL), ("9.5.0", Mark.OK), ("10.0.0", Mark.WARN)])
def test_versions_of_the_server_are_judged(version: str, mark: Mark) -> None:
    """Older ones fail, newer ones are untried."""
    assert cluster.versions({"nodes": {"a": {"version": version}}}).mark is mark


@pytest.mark.parametrize(("used", "mark"), [(10, Mark.OK), (850, Mark.WARN), (990, Mark.FAIL)])
def test_shards_are_judged_before_the_cluster_takes_no_more(used: int, mark: Mark) -> None:
    """A cluster without room for a shard makes no index for tomorrow."""
    health = {"number_of_data_nodes": 1, "active_shards": used - 5, "unassigned_shards": 5}
    assert cluster.shards(health, {"cluster.max_shards_per_node": "1000"}).mark is mark


@pytest.mark.parametrize(
    ("theirs", "mark"), [(100.5, Mark.OK), (99.2, Mark.OK), (120.0, Mark.WARN), (60.0, Mark.WARN), (9000.0, Mark.FAIL)]
)
def test_clocks_are_compared_by_the_bounds_of_the_answer(theirs: float, mark: Mark) -> None:
    """A time that may have been ours while we waited tells nothing; seconds are a warning, minutes a failure."""
    assert judged_clock("store", "x", theirs, 100.0, 101.0, 1.0).mark is mark


def account(**changes: Any) -> dict[str, Any]:
    """Return an account that is well, but for the changes of its one destination."""
    one = {
        "destination": "http://indexer:4317",
        "configured": True,
        "state": "delivering",
        "reason": "",
        "seen": 10,
        "acknowledged": 10,
        "rejected": 0,
        "dead_letters": 0,
        "spooled": 0,
        "dropped": {"quota": 0},
        "sampled_out": 0,
        "oldest_spooled_age": None,
        "adds_up": True,
    }
    return {"folder": "f", "spool_bytes": 1000, "relays": [{"bytes": 10, "destinations": [{**one, **changes}]}]}


@pytest.mark.parametrize(
    ("changes", "check", "mark"),
    [
        ({}, "lag", Mark.OK),
        ({"spooled": 5, "oldest_spooled_age": 30.0}, "lag", Mark.OK),
        ({"spooled": 5, "oldest_spooled_age": 90.0}, "lag", Mark.WARN),
        ({"spooled": 5, "oldest_spooled_age": 4000.0}, "lag", Mark.FAIL),
        ({"state": "alarm", "reason": "it refuses the credentials"}, "lag", Mark.FAIL),
        ({"configured": False, "spooled": 5}, "lag", Mark.WARN),
        ({"adds_up": False}, "account", Mark.FAIL),
        ({"dropped": {"quota": 2}}, "dropped", Mark.WARN),
        ({"rejected": 1}, "dead letters", Mark.WARN),
    ],
)
def test_the_sidecars_account_is_judged(changes: dict[str, Any], check: str, mark: Mark) -> None:
    """Lag by its age, what is lost by its reason, and a sum that is wrong always."""
    assert [one.mark for one in sidecar_findings(account(**changes)) if one.check == check] == [mark]


@pytest.mark.parametrize(("used", "mark"), [(100, Mark.OK), (600, Mark.WARN), (950, Mark.FAIL)])
def test_the_spool_is_judged_by_its_quota(used: int, mark: Mark) -> None:
    """Half of it is a warning, nine tenths a failure."""
    found = account()
    found["relays"][0]["bytes"] = used
    assert [one.mark for one in sidecar_findings(found) if one.check == "spool"] == [mark]


def test_the_indexers_account_is_judged() -> None:
    """A store that is away fails, dead letters and fields that are not searched warn, a wrong sum fails."""
    names = ("stored", "duplicates", "forgotten", "dead_letters", "ignored", "refused")
    well = {
        **dict.fromkeys(names, 0),
        "received": 3,
        "stored": 3,
        "unmapped_fields": 0,
        "store": "x",
        "store_available": True,
    }
    assert {one.mark for one in indexer_findings(well)} == {Mark.OK}
    ill = {**well, "received": 9, "dead_letters": 1, "unmapped_fields": 2, "store_available": False}
    assert {one.check: one.mark for one in indexer_findings(ill)} == {
        "account": Mark.FAIL,
        "store": Mark.FAIL,
        "dead letters": Mark.WARN,
        "fields": Mark.WARN,
    }


def test_metrics_tell_the_same_account() -> None:
    """What the admin port of a sidecar says becomes the account that its folder would give."""
    label = '{destination="http://indexer:4317"}'
    text = "\n".join(
        [
            "# HELP scorelens_sidecar_spool_used_bytes Bytes.",
            "scorelens_sidecar_spool_used_bytes 950",
            "scorelens_sidecar_spool_quota_bytes 1000",
            f"scorelens_sidecar_records_seen_total{label} 12.0",
            f"scorelens_sidecar_records_acknowledged_total{label} 7",
            f"scorelens_sidecar_records_spooled{label} 3",
            'scorelens_sidecar_records_dropped_total{destination="http://indexer:4317",reason="quota"} 2',
            f"scorelens_sidecar_spool_oldest_age_seconds{label} 700.5",
            f"scorelens_sidecar_account_adds_up{label} 1",
            'scorelens_sidecar_destination_state{destination="http://indexer:4317",state="waiting"} 1',
            'scorelens_sidecar_destination_state{destination="http://indexer:4317",state="alarm"} 0',
        ]
    )
    found = account_of(text)
    assert found is not None
    marks = {one.check: one.mark for one in sidecar_findings(found)}
    assert marks == {"account": Mark.OK, "lag": Mark.FAIL, "dropped": Mark.WARN, "spool": Mark.FAIL}
    assert account_of("up 1\n") is None


def test_contracts_are_compared_by_what_goes_over_the_wire() -> None:
    """A part that lacks fields is older, one with further fields newer, one with another type not compatible."""
    ours, theirs = FileDescriptorProto(), FileDescriptorProto()
    scorer_pb2.DESCRIPTOR.CopyToProto(ours)
    theirs.CopyFrom(ours)
    assert told("scorer", "S", compare(ours, theirs)).mark is Mark.OK
    message = theirs.message_type[0]
    message.field.add(name="further", number=999, type=FieldDescriptorProto.TYPE_STRING)
    assert "newer" in told("scorer", "S", compare(ours, theirs)).text
    del message.field[-1]
    del message.field[-1]
    assert "older" in told("scorer", "S", compare(ours, theirs)).text
    message.field[0].type = FieldDescriptorProto.TYPE_BYTES
    assert told("scorer", "S", compare(ours, theirs)).mark is Mark.FAIL


def test_admin_ports_are_judged() -> None:
    """A part that is not ready fails with its own reason, and one of another version warns."""
    assert readiness("sidecar", "x", 200, "").mark is Mark.OK
    assert "the disk is full" in readiness("sidecar", "x", 503, '{"reason": "the disk is full"}').text
    assert "draining" in readiness("sidecar", "x", 503, "draining").text
    assert readiness("sidecar", "x", 404, "").mark is Mark.FAIL
    assert same_version("sidecar", "0.0.1").mark is Mark.WARN


def test_kept_models_are_looked_at(tmp_path: Path) -> None:
    """A version whose files are damaged or missing, and one that is in use and gone, fail with what takes another."""
    folder = tmp_path / "models" / "m" / "1"
    folder.mkdir(parents=True)
    places = Places(Home(tmp_path), {}, {})
    (folder / "model.skops").write_bytes(b"parts")
    manifest = {"id": "m", "version": "1", "sha256": hashlib.sha256(b"parts").hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder.parent / "in-use.json").write_text('{"version": "1", "history": []}')
    assert {one.mark for one in kept_models(places)} == {Mark.OK}
    (folder.parent / "in-use.json").write_text('{"version": "2", "history": []}')
    assert [one.text for one in kept_models(places) if one.mark is Mark.FAIL] == ["m 2 is in use and is not kept"]
    for damage in ("no JSON", json.dumps({**manifest, "id": "other"}), json.dumps({**manifest, "sha256": "0"})):
        (folder / "manifest.json").write_text(damage)
        assert "scorelens promote m" in next(iter(kept_models(places))).advice


def test_a_fault_of_one_check_hides_no_other() -> None:
    """What raises, and what never ends, become failures in their places."""
    never = threading.Event()

    def hanging() -> list[Finding]:
        never.wait()
        return []

    def raising() -> list[Finding]:
        raise ValueError("odd")

    fine = Finding("c", "x", Mark.OK, "well")
    found = list(examine([Group("a", hanging), Group("b", raising), Group("c", lambda: [fine])], 0.2))
    never.set()
    assert [(one.part, one.check) for one in found] == [("a", "time"), ("b", "error"), ("c", "x")]
    assert "odd" in found[1].text


def test_a_line_stays_one_line() -> None:
    """What a server says cannot break a line or reach the terminal."""
    assert "\n" not in line(Finding("store", "x", Mark.FAIL, "a\nb\x1b[31m", "c\r\nd"))
    assert "\x1b" not in line(Finding("store", "x", Mark.FAIL, "a\nb\x1b[31m", "c\r\nd"))
