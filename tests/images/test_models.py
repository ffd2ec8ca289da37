"""Images that bring models: built of a registry's folder, copied by an init container, served by the scorer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import grpc

from scorelens.v1 import scorer_pb2, scorer_pb2_grpc
from tests.images import buildah
from tests.images.building import ROOT
from tests.images.tree import walk
from tests.tools.containers import Image, Server

MODELS = "/var/lib/scorelens/models"


def trained(folder: Path) -> Path:
    """Train a small model outside of any container and put it to use; return the folder of all models."""
    rows = folder / "tickets.jsonl"
    words = {"refund": "money back please", "login": "password forgotten again"}
    lines = [{"text": f"{text} {number}", "topic": topic} for number in range(200) for topic, text in words.items()]
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = [sys.executable, "-m", "scorelens_runtime", "train", str(rows), "--tags", "topic", "--promote"]
    subprocess.run([*command, "--home", str(folder)], check=True, capture_output=True)
    return folder / "models"


def build(models: Path, tag: str, base: str) -> str:
    """Build an image of a folder of models; return its name."""
    name = f"localhost/scorelens/model:{tag}"
    given = ["--file", str(ROOT / "k8s" / "model" / "Dockerfile"), "--build-arg", f"BASE={base}", "--tag", name]
    buildah.buildah("build", *given, str(models))
    return name


def test_a_scorer_serves_the_models_of_an_image(
    names: Mapping[str, str],
    images: Mapping[str, Image],
    mount: Callable[[str], Image],
    home: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    """What an init container copies into the scorer's volume is served, in the version that was in use."""
    made = trained(tmp_path)
    (version,) = [path.name for path in (made / "tickets").iterdir() if path.is_dir()]
    image = mount(build(made, "tickets", names["scorer"]))
    volume = home("volume")
    copied = image.run("cp", "-R", "/models/.", f"{MODELS}/", mounts={MODELS: volume})
    assert copied.returncode == 0, copied.stderr

    mounts = {"/var/lib/scorelens": home("scorer"), MODELS: volume, "/tmp": home("temporary")}
    arguments = ("scorer", "--model", "tickets", "--listen", "127.0.0.1:0")
    scorer = Server(images["scorer"], *arguments, mounts=mounts, log=tmp_path / "scorer.log")
    try:
        scorer.start()
        with grpc.insecure_channel(scorer.address) as channel:
            request = scorer_pb2.ScoreRequest(documents=[scorer_pb2.Document(id="1", text="money back please")])
            answer = scorer_pb2_grpc.ScorerStub(channel).Score(request, timeout=60)
        assert answer.results[0].model.version == version
        assert [tag.tag for tag in answer.results[0].tags if tag.selected] == ["refund"]
    finally:
        scorer.kill()


def test_an_image_can_hold_nothing_but_models(bases: None, mount: Callable[[str], Image], tmp_path: Path) -> None:
    """Built from scratch it holds the folder only, readable for the user of the scorer, for volumes of images."""
    made = trained(tmp_path)
    image = mount(build(made, "only", "scratch"))
    held = {str(path): about for path, about in walk(image.root)}
    assert set(held) == {"models"} | {f"models/{path.relative_to(made)}" for path in made.rglob("*")}
    assert {about.st_uid for path, about in held.items() if path != "models"} == {10001}
    shutil.rmtree(made)
