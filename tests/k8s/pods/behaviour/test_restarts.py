"""Containers that end within a pod that stays: what fails then, and that nothing recorded is lost."""

from __future__ import annotations

import pytest

from scorelens_sidecar.spool.account import DestinationAccount
from tests.k8s.pods.behaviour.conftest import Note, Start
from tests.k8s.pods.pod import HOME
from tests.k8s.pods.running import Running, accounts, now, only_in_flight, until_ready


def test_a_killed_sidecar_loses_calls_in_flight_only(start: Start, note: Note) -> None:
    """kill -9 of the sidecar's container: calls in flight fail, later ones go elsewhere, and the scorer stays."""
    running = start("production")
    pod = running.scorer.pods[0]
    with running.callers() as load:
        load.until_answered(200)
        moment = now()
        pod.container("sidecar").kill()
        until_ready(pod.container("sidecar"), pod, "the sidecar is back")
        load.until_answered(200)
    only_in_flight(load.failed, moment)
    assert (pod.container("sidecar").restarts, pod.container("scorer").restarts) == (1, 0)
    note(running.settle(load), load)
    assert _seen(running) >= load.calls - len(load.failed)
    assert _seen(running) <= load.calls


@pytest.mark.parametrize("way", ["terminate", "restart"])
def test_a_sidecar_that_restarts_alone_is_not_noticed(start: Start, note: Note, way: str) -> None:
    """SIGTERM, with its hook before or without, ends the sidecar's container; callers use the other pod meanwhile."""
    running = start("production")
    pod = running.scorer.pods[0]
    with running.callers() as load:
        load.until_answered(200)
        getattr(pod.container("sidecar"), way)()
        until_ready(pod.container("sidecar"), pod, "the sidecar is back")
        load.until_answered(200)
    assert load.failed == []
    assert (pod.container("sidecar").restarts, pod.container("scorer").restarts) == (1, 0)
    note(running.settle(load), load)


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_scorer_that_restarts_alone_is_not_noticed(start: Start, note: Note, replicas: int) -> None:
    """SIGTERM ends the scorer's container, which starts again behind a sidecar that nobody told to drain.

    Callers go to another pod; where there is none they wait in the sidecar.
    """
    running = start("production", replicas=replicas)
    pod = running.scorer.pods[0]
    with running.callers() as load:
        load.until_answered(200)
        pod.container("scorer").terminate()
        until_ready(pod.container("scorer"), pod, "the scorer is back")
        load.until_answered(200)
    assert load.failed == []
    assert pod.container("sidecar").restarts == 0
    note(running.settle(load), load)


def test_a_killed_scorer_loses_calls_in_flight_only(start: Start, note: Note) -> None:
    """kill -9 of the scorer's container: its calls in flight fail as UNAVAILABLE and are recorded as lost."""
    running = start("production")
    pod = running.scorer.pods[0]
    with running.callers() as load:
        load.until_answered(200)
        moment = now()
        pod.container("scorer").kill()
        until_ready(pod.container("scorer"), pod, "the scorer is back")
        load.until_answered(200)
    only_in_flight(load.failed, moment)
    assert pod.container("sidecar").restarts == 0
    note(running.settle(load), load)


def test_a_lost_node_loses_calls_in_flight_only(start: Start, note: Note) -> None:
    """All of a pod dies at once; its volume stays, and the next pod of the number ships what lies there."""
    running = start("production")
    pod = running.scorer.pods[0]
    folder = running.cluster.claim("spool", pod.name) / "sidecar"
    with running.callers() as load:
        load.until_answered(200)
        [indexer] = running.indexer.pods
        running.cluster.delete(running.indexer, indexer, replace=False)
        load.until_answered(200)  # which the spool keeps, with nobody to ship it to
        moment = now()
        running.cluster.lose(running.scorer, pod, replace=False)
        waiting = _spooled(accounts(folder))
        running.cluster.start_pod(running.scorer, 0)
        running.cluster.start_pod(running.indexer, 0)
        load.until_answered(200)
    assert waiting > 0
    only_in_flight(load.failed, moment)
    note(running.settle(load), load)


def _spooled(found: list[DestinationAccount]) -> int:
    return sum(each.spooled for each in found)


def _seen(running: Running) -> int:
    folders = [pod.mounted("sidecar", HOME) / "sidecar" for pod in running.scorer.pods]
    return sum(each.seen for folder in folders for each in accounts(folder))
