"""Every object that is rendered, against the schemas of Kubernetes 1.37, and what they must not hold."""

from __future__ import annotations

import copy
import os
import re
import tomllib
from pathlib import Path

import kubernetes_validate
import pytest

from tests.k8s.rendering import K8S, Manifest, build, named, of_kind, title
from tests.k8s.workloads import pod_of, pod_templates

VERSION = "1.37"


def check(manifest: Manifest) -> None:
    """Hold an object against its schema, in which no unknown field has a place."""
    kubernetes_validate.validate(manifest, VERSION, strict=True)


def test_every_object_fits_its_schema(rendered: list[Manifest]) -> None:
    """No field is misspelt, missing or of another type."""
    for manifest in rendered:
        check(manifest)


def test_a_misspelt_field_does_not_fit(demo: list[Manifest]) -> None:
    """The check that the others rely on refuses a wrong field deep inside of a pod."""
    wrong = copy.deepcopy(pod_of(demo, "scorelens-scorer").owner)
    wrong["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readinesProbe"):
        check(wrong)


def test_the_component_with_a_volume_of_models_fits(tmp_path: Path, demo: list[Manifest]) -> None:
    """The scorers' models come from a claim, and nothing of the empty folder is left."""
    assert demo
    overlay, component = (
        os.path.relpath(K8S / name, tmp_path.resolve()) for name in ("overlays/demo", "components/model-volume")
    )
    (tmp_path / "kustomization.yaml").write_text(f"resources: [{overlay}]\ncomponents: [{component}]\n")
    built = build(tmp_path.resolve())
    scorer = pod_of(built, "scorelens-scorer")
    for manifest in (scorer.owner, named(built, "PersistentVolumeClaim", "scorelens-models")):
        check(manifest)
    volumes = {volume["name"]: volume for volume in scorer.spec["volumes"]}
    assert volumes["models"] == {"name": "models", "persistentVolumeClaim": {"claimName": "scorelens-models"}}


def test_images_have_versions(rendered: list[Manifest]) -> None:
    """Every image has a tag, none is `latest`, and ours are of this version."""
    project = tomllib.loads((K8S.parent / "pyproject.toml").read_text("utf-8"))["project"]
    for template in pod_templates(rendered):
        for container in template.containers:
            name, _, tag = container["image"].rpartition(":")
            assert name, f"{template.title}: {container['image']} has no tag"
            assert tag != "latest"
            assert not name.startswith("scorelens/") or tag == project["version"]


def test_no_secret_is_committed(rendered: list[Manifest]) -> None:
    """Secrets are named and never written: neither as objects nor as variables."""
    assert not list(of_kind(rendered, "Secret"))
    secret = re.compile(r"PASSWORD$|API_KEY$|TOKEN$|SECRET$")
    for template in pod_templates(rendered):
        for container in template.containers:
            assert not [each for each in container.get("env", ()) if secret.search(each["name"]) and "value" in each]
    for config in of_kind(rendered, "ConfigMap"):
        assert not list(filter(secret.search, config["data"])), title(config)


def test_every_object_is_labelled(system: list[Manifest]) -> None:
    """`kubectl get all -l app.kubernetes.io/part-of=scorelens` finds everything."""
    for manifest in system:
        assert manifest["metadata"]["labels"]["app.kubernetes.io/part-of"] == "scorelens", title(manifest)


def test_what_a_statefulset_can_never_change_holds_no_version(rendered: list[Manifest]) -> None:
    """An upgrade changes neither selectors nor claim templates, which Kubernetes would refuse."""
    for manifest in of_kind(rendered, "StatefulSet"):
        fixed = [manifest["spec"]["selector"], *manifest["spec"].get("volumeClaimTemplates", ())]
        assert "version" not in str(fixed).replace("apiVersion", "")
