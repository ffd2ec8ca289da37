"""The times that the overlays give to the end of a pod, and to callers to hear of it, fit each other."""

from __future__ import annotations

import pytest

from tests.k8s.pods.manifests import Manifests, environment, seconds
from tests.k8s.pods.running import SCORER
from tests.k8s.rendering import render
from tests.tools.missing import MissingPartError, missing

GRACE = 5
"""Seconds that the sidecar's hook waits beyond its drain time for the relay to end."""
JITTER = 1.1
"""gRPC ends connections up to a tenth later than their age."""
POD = dict.fromkeys(("metadata.name", "metadata.uid", "metadata.namespace", "spec.nodeName", "status.podIP"), "any")


@pytest.fixture(params=["demo", "production"])
def manifests(request: pytest.FixtureRequest) -> Manifests:
    """Render an overlay."""
    try:
        return Manifests(tuple(render(request.param)))
    except MissingPartError as error:
        missing(str(error))


def test_a_scorer_answers_until_its_callers_have_gone(manifests: Manifests) -> None:
    """The scorer's hook is longer than the sidecar's, and the pod's grace longer than all that follows."""
    spec = manifests.workload(SCORER)["spec"]["template"]["spec"]
    sidecar = next(each for each in spec["initContainers"] if each["name"] == "sidecar")
    scorer = next(each for each in spec["containers"] if each["name"] == "scorer")
    assert sidecar["restartPolicy"] == "Always"
    hook = sidecar["lifecycle"]["preStop"]["exec"]["command"]
    of_sidecar, of_scorer = environment(sidecar, manifests, POD), environment(scorer, manifests, POD)
    drain = seconds(of_sidecar["SCORELENS_SIDECAR_DRAIN"])
    sleeps = scorer["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert hook[:3] == ["python", "-m", "scorelens_sidecar.drain"]
    assert sleeps >= seconds(hook[hook.index("--after") + 1]) + drain + GRACE
    ships = max(drain, seconds(of_sidecar.get("SCORELENS_SIDECAR_PATIENCE", "1s")))
    assert spec["terminationGracePeriodSeconds"] >= sleeps + seconds(of_scorer["SCORELENS_SCORER_DRAIN"]) + ships


def test_callers_meet_a_new_pod_before_the_next_old_one_goes(manifests: Manifests) -> None:
    """Connections end, and callers ask for addresses anew, within the time that a rollout waits for each pod."""
    spec = manifests.workload(SCORER)["spec"]
    [scorer] = [each for each in spec["template"]["spec"]["containers"] if each["name"] == "scorer"]
    age = seconds(environment(scorer, manifests, POD)["SCORELENS_SCORER_MAX_CONNECTION_AGE"])
    assert 0 < age * JITTER < spec["minReadySeconds"]
