"""The sizing model: it says what was measured where that was measured, and grows with the load."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.capacity import YARDSTICK
from scorelens_client.commands.size import command
from scorelens_client.sizing import measured
from scorelens_client.sizing.model import Load, indexer_cpu, record_bytes, shipper_cpu, size

DOCS = Path(__file__).parents[3] / "docs"
BASE = Load(calls=200)


def figure(page: str, pattern: str) -> float:
    """Return the one number that a pattern finds in a document."""
    [found] = set(re.findall(pattern, (DOCS / page).read_text("utf-8")))
    return float(found.replace(",", ""))


@pytest.mark.parametrize(
    ("page", "pattern", "value"),
    [
        ("scorer.md", r"An empty method costs (\d+) us of CPU on the event loop", measured.SCORER_CALL),
        ("capacity.md", r"\| scorer, both reference models \| (\d+) MiB", measured.SCORER_MEMORY / 2**20),
        ("performance.md", r"CPU share of scorer \| (\d+) us", measured.SCORER_DOCUMENT.value),
        ("performance.md", r"\| relay: CPU of nginx's, 1 caller [^|]*\| ([\d.]+) us", measured.RELAY_CALL),
        ("performance.md", r"CPU share of relay \| ([\d.]+) us", measured.RELAY_DOCUMENT),
        ("performance.md", r"10 tags of 13 terms to spans[^|]*\| (\d+) us", measured.SHIPPER[0].value),
        ("performance.md", r"CPU share of shipper \| (\d+) us", measured.SHIPPER[1].value),
        ("performance.md", r"uncompiled: (\d+) us of CPU", measured.INDEXER_EMBEDDED[0].value),
        ("performance.md", r"CPU share of indexer \| ([\d,]+) us", measured.INDEXER_EMBEDDED[1].value),
        ("performance.md", r"and (\d+) us to Elasticsearch", measured.INDEXER_ELASTICSEARCH.value),
        (
            "performance.md",
            r"peer: raw bulk; [^|]*\| [\d,]+ documents/s \| ([\d,]+) doc",
            measured.ELASTICSEARCH_RATE.value,
        ),
        ("performance.md", r"a tweet's answer is (\d+) KB", measured.ANSWER[1].value / 1000),
        ("elasticsearch.md", r"codec `default` \| ([\d,]+) \|", measured.DISK["default"][1]),
        ("elasticsearch.md", r"codec `default` \| [\d,]+ \| ([\d,]+) \|", measured.DISK["default"][0]),
        ("elasticsearch.md", r"codec `best_compression` \| ([\d,]+) \|", measured.DISK["best_compression"][1]),
        (
            "elasticsearch.md",
            r"codec `best_compression` \| [\d,]+ \| ([\d,]+) \|",
            measured.DISK["best_compression"][0],
        ),
        ("elasticsearch.md", r"embedded store \| ([\d,]+) \|", measured.DISK["embedded"][1]),
        ("elasticsearch.md", r"embedded store \| [\d,]+ \| ([\d,]+) \|", measured.DISK["embedded"][0]),
        ("capacity.md", r"\| sidecar[^|]*\| (\d+) MiB", measured.SIDECAR_MEMORY / 2**20),
        ("capacity.md", r"the OpenTelemetry SDK took ([\d,]+) us", YARDSTICK),
        ("embedded.md", r"at the first tenth, (\d+) MiB at most", measured.INDEXER_MEMORY / 2**20),
    ],
)
def test_its_figures_are_those_of_the_documents(page: str, pattern: str, value: float) -> None:
    """What is measured anew and written into a document is taken over here where it differs much.

    The table of docs/performance.md is written by each run of the benchmarks, on whatever machine.
    """
    assert figure(page, pattern) == pytest.approx(value, rel=0.5 if page == "performance.md" else 1e-6)


def test_it_says_what_was_measured_at_the_measured_points() -> None:
    """Between and beyond them it goes on in a line."""
    whole = replace(BASE, tags=20, terms=20, text=100)
    assert shipper_cpu(whole) == pytest.approx(measured.SHIPPER[1].value)
    assert indexer_cpu(whole, embedded=True) == pytest.approx(measured.INDEXER_EMBEDDED[1].value)
    assert indexer_cpu(replace(BASE, tags=10), embedded=False) == pytest.approx(measured.INDEXER_ELASTICSEARCH.value)
    for codec, (without, with_calculation) in measured.DISK.items():
        assert record_bytes(replace(whole, codec=codec)) == pytest.approx(with_calculation)
        assert record_bytes(replace(whole, codec=codec, terms=0)) == pytest.approx(without)


@pytest.mark.parametrize("change", [{"calls": 2000.0}, {"documents": 10.0}, {"tags": 40}, {"terms": 80}, {"text": 1e5}])
def test_more_takes_no_less(change: dict[str, float]) -> None:
    """Whatever a load has more of, no part of the system becomes smaller by it."""
    small, large = size(BASE), size(replace(BASE, **change))  # type: ignore[arg-type]
    assert large.scorer.cores >= small.scorer.cores
    assert large.sidecar.cores >= small.sidecar.cores
    assert large.indexer.cores >= small.indexer.cores
    assert large.bytes_per_day > small.bytes_per_day
    assert large.disk_bytes > small.disk_bytes
    assert large.nodes >= small.nodes


def test_slower_cores_are_more_of_them() -> None:
    """Twice as slow a machine needs twice the cores for everything, and no more disk."""
    one, slower = size(BASE), size(replace(BASE, slower=2.0))
    for name in ("scorer", "sidecar", "indexer"):
        assert getattr(slower, name).cores == pytest.approx(2 * getattr(one, name).cores)
    assert slower.node_cores == pytest.approx(2 * one.node_cores, abs=0.01)
    assert (slower.disk_bytes, slower.nodes) == (one.disk_bytes, one.nodes)


def test_copies_days_and_hours_count_where_they_belong() -> None:
    """Copies and days take disk of Elasticsearch, hours without it disk of the spool; neither takes cores of ours."""
    one = size(BASE)
    assert size(replace(BASE, replicas=2)).disk_bytes == pytest.approx(one.disk_bytes * 1.5, rel=1e-6)
    assert size(replace(BASE, days=180)).disk_bytes == pytest.approx(one.disk_bytes * 2, rel=1e-6)
    assert size(replace(BASE, away=48)).spool_bytes == pytest.approx(one.spool_bytes * 2, rel=1e-6)
    assert size(replace(BASE, away=48)).indexer == one.indexer


@pytest.mark.parametrize(("calls", "period"), [(0.1, "month"), (3.0, "week"), (20.0, "day"), (2000.0, "day")])
def test_shards_stay_of_a_size_that_servers_like(calls: float, period: str) -> None:
    """Small loads take longer periods, large ones more shards: none above 30 GB, and no server has too many."""
    found = size(replace(BASE, calls=calls))
    length = {"day": 1, "week": 7, "month": 30}[found.period]
    assert found.period == period
    assert found.bytes_per_day * length / found.shards <= 30e9 * 1.001
    assert found.total_shards <= 1000 * found.nodes
    assert found.nodes >= 2


def test_one_machine_has_one_writer_and_no_server() -> None:
    """The embedded store has one writer and no copies."""
    found = size(Load(calls=1, codec="embedded"))
    assert (found.indexer.count, found.nodes, found.total_shards) == (1, 0, 0)


def test_the_command_says_it_for_people_and_programs() -> None:
    """Both forms have the same figures, and a load that is none is refused with its option."""
    words = ["--calls", "200", "--documents", "1", "--tags", "10", "--days", "90", "--replicas", "1"]
    found = json.loads(CliRunner().invoke(command, [*words, "--json"]).stdout)
    said = CliRunner().invoke(command, words).stdout
    assert found["nodes"] == size(BASE).nodes
    assert f"{found['nodes']} servers" in said
    assert f"SCORELENS_ELASTICSEARCH_SHARDS={found['shards']}" in said
    refused = CliRunner().invoke(command, ["--calls", "0"])
    assert refused.exit_code == 2
    assert "--calls" in refused.output
