"""Containers that end within a pod that stays: what fails then, and that nothing recorded is lost."""

from __future__ import annotations

from collections import Counter

import grpc

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


def test_a_scorer_that_restarts_alone_is_waited_for(start: Start, note: Note) -> None:
    """The scorer's container ends as after SIGTERM and starts again behind its sidecar, which nobody told to drain.

    Calls that reach the scorer while it ends fail as UNAVAILABLE, which callers that try again never see; those that
    gRPC had not handed over yet at the end as CANCELLED, at most one of each caller. All others wait or go elsewhere.
    """
    running = start("production")
    pod = running.scorer.pods[0]
    with running.callers("retried", retry=True) as retrying, running.callers("once") as strict:
        retrying.until_answered(200)
        moment = now()
        processes = pod.container("scorer").processes
        assert processes is not None
        processes.terminate()
        until_ready(pod.container("scorer"), pod, "the scorer is back")
        retrying.until_answered(200)
        strict.until_answered(200)
    cancelled = Counter(each.caller for each in retrying.failed)
    assert {each.code for each in retrying.failed} <= {grpc.StatusCode.CANCELLED}
    assert max(cancelled.values(), default=0) <= 1
    assert {each.code for each in strict.failed} <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    assert all(each.ended >= moment for each in (*retrying.failed, *strict.failed))
    assert pod.container("sidecar").restarts == 0
    note(running.settle(retrying, strict), retrying, strict)


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
