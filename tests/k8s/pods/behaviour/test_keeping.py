"""Indexers that are away, spools without a pod, and spools that take nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

from scorelens_sidecar.spool.account import read_account
from scorelens_sidecar.spool.folders import relay_folder
from tests.end_to_end.processes import wait_until
from tests.k8s.pods.behaviour.conftest import PACE, Note, Start
from tests.k8s.pods.pod import HOME, Adapting
from tests.k8s.pods.probes import http
from tests.k8s.pods.running import SCORER, accounts
from tests.tools.elasticsearch import ElasticsearchServer


def test_indexer_pods_come_and_go_unnoticed(start: Start, note: Note) -> None:
    """The indexer is rolled, and later dies for a while: no call fails, and everything arrives."""
    running = start("production")
    with running.callers() as load:
        load.until_answered(200)
        running.cluster.roll(running.indexer)
        load.until_answered(200)
        running.cluster.lose(running.indexer, running.indexer.pods[0], replace=False)
        load.until_answered(200)
        running.cluster.start_pod(running.indexer, 0)
        load.until_answered(200)
    assert load.failed == []
    note(running.settle(load), load)


def test_a_store_that_is_away_stops_nobody(start: Start, note: Note, own_elasticsearch: ElasticsearchServer) -> None:
    """Elasticsearch is killed behind two indexers and comes back; meanwhile a scorer pod is replaced."""
    running = start("production", store=f"{own_elasticsearch.url}#pods")
    assert len(running.indexer.pods) == 2
    with running.callers() as load:
        load.until_answered(200)
        own_elasticsearch.kill9()
        load.until_answered(200)
        running.cluster.delete(running.scorer, running.scorer.pods[1])
        assert sum(each.spooled for each in running.sidecar_accounts()) > 0
        own_elasticsearch.start()
        load.until_answered(200)
    assert load.failed == []
    note(running.settle(load), load)


def test_a_spool_without_a_pod_is_shipped_by_a_job(start: Start, note: Note) -> None:
    """A pod that was scaled away while no indexer was there has left records on its claim; the Job brings them."""
    running = start("production")
    leaving = running.scorer.pods[1]
    folder = running.cluster.claim("spool", leaving.name) / "sidecar"
    with running.callers() as load:
        load.until_answered(200)
        running.cluster.delete(running.indexer, running.indexer.pods[0], replace=False)
        load.until_answered(200)
        running.cluster.delete(running.scorer, leaving, replace=False)
        load.until_answered(100)
    assert load.failed == []
    assert sum(each.spooled for each in accounts(folder)) > 0
    running.cluster.start_pod(running.indexer, 0)
    job = running.cluster.manifests.one("CronJob", "scorelens-ship-spool")["spec"]["jobTemplate"]["spec"]
    template = copy.deepcopy(job["template"])
    [spool] = [each for each in template["spec"]["volumes"] if each["name"] == "spool"]
    spool["persistentVolumeClaim"]["claimName"] = f"spool-{leaving.name}"
    said = running.cluster.run_job("ship", template, Adapting(pace=PACE))
    assert "has everything" in said
    assert [(each.spooled, each.adds_up) for each in accounts(folder)] == [(0, True)]
    note(running.settle(load), load)


def test_a_pod_whose_spool_cannot_be_written_gets_no_calls(start: Start, note: Note) -> None:
    """A sidecar without its spool is not ready, callers hear no more of its pod, and come back when the spool does."""
    running = start("production")
    broken = running.scorer.pods[1]
    ready = f"http://{broken.address}:9461/readyz"
    folder = broken.mounted("sidecar", HOME) / "sidecar"
    spool, elsewhere = relay_folder(folder), folder / "elsewhere"
    with running.callers() as load:
        load.until_answered(200)
        spool.rename(elsewhere)
        wait_until(lambda: not broken.ready, "the pod is not ready")
        assert not http(ready, 5)
        assert [pod.name for pod in running.cluster.endpoints(SCORER)] == [f"{SCORER}-0"]
        wait_until(lambda: _rests(elsewhere, load.until_answered), "the pod gets no calls")
        elsewhere.rename(spool)
        wait_until(lambda: broken.ready, "the pod is ready again")
        before = _seen(spool)
        wait_until(lambda: _seen(spool) > before, "the pod gets calls again")
    assert load.failed == []
    note(running.settle(load), load)


def _rests(spool: Path, until_answered: Callable[[int], None]) -> bool:
    before = _seen(spool)
    until_answered(100)
    return _seen(spool) == before


def _seen(spool: Path) -> int:
    return read_account(spool)[0].seen
