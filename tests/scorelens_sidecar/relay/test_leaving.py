"""Scorers that end and start again behind a real relay, whose callers try nothing twice."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from scorelens_sidecar.captured import End
from tests.end_to_end.load import Load
from tests.end_to_end.processes import Component
from tests.scorelens_sidecar.relay.processes import RunningRelay, relay

MODEL = "tests.scorelens_scorer.own_models:Loud"
RESTARTS = 2


@pytest.fixture
def scorer(tmp_path: Path) -> Iterator[Component]:
    """A scorer that may end, and start again where it was."""
    component = Component(tmp_path, "scorelens_scorer", "--model", MODEL).start()
    yield component
    component.stop()


@pytest.fixture
def running(tmp_path: Path, scorer: Component) -> Iterator[RunningRelay]:
    """A relay before it whose callers wait for it."""
    with relay(tmp_path / "sidecar", scorer.address, "--upstream-wait", "60s") as started:
        yield started


@pytest.mark.parametrize("pause", [0.0, pytest.param(0.05, marks=pytest.mark.heavy)], ids=["at once", "pausing"])
def test_callers_have_left_a_scorer_before_it_ends(scorer: Component, running: RunningRelay, pause: float) -> None:
    """SIGTERM amid calls: callers, who try nothing twice, wait for the next scorer, and no call fails."""
    with Load(running.address, callers=8, pause=pause, patient=False) as load:
        for _ in range(RESTARTS):
            load.until_answered(300)
            assert scorer.process is not None
            scorer.process.send_signal(signal.SIGTERM)
            assert scorer.process.wait(30) == 0
            scorer.start()
        load.until_answered(300)
    assert load.failed == []
    assert {record.end for record in running.records()} == {End.ANSWERED}
    assert len(running.records()) == load.calls
