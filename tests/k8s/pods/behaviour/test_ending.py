"""Pods that end as they should: nobody's call fails, nobody's record is lost."""

from __future__ import annotations

import pytest

from tests.k8s.pods.behaviour.conftest import Note, Start

ORDER = ["SIGTERM to scorer", "scorer ended", "SIGTERM to sidecar", "sidecar ended"]


@pytest.mark.parametrize("overlay", ["demo", "production"])
def test_a_deleted_pod_drains(start: Start, note: Note, overlay: str) -> None:
    """Scaling down under load fails no call; with the spool on an emptyDir, too, everything has been shipped."""
    running = start(overlay)
    leaving = running.scorer.pods[-1]
    with running.callers() as load:
        load.until_answered(200)
        running.cluster.delete(running.scorer, leaving, replace=False)
        load.until_answered(200)
    assert load.failed == []
    assert leaving.history[-4:] == ORDER
    assert "killed" not in str([each.history for each in (*leaving.sidecars, *leaving.mains)])
    assert leaving.strays() == []
    note(running.settle(load), load)


@pytest.mark.parametrize("overlay", ["demo", "production"])
def test_a_rolling_update_is_not_noticed(start: Start, note: Note, overlay: str) -> None:
    """All scorer pods are replaced under load, one after the other, and callers that try nothing again see no error."""
    running = start(overlay)
    before = {pod.address for pod in running.scorer.pods}
    with running.callers() as load:
        load.until_answered(200)
        running.cluster.roll(running.scorer)
        load.until_answered(200)
    assert load.failed == []
    assert before.isdisjoint(pod.address for pod in running.scorer.pods)
    note(running.settle(load), load)
