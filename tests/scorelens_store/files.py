"""The files of a store, and what they hold."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from scorelens_store.contract import Store

PART = 10


def data_folder(store: Store, tmp_path: Path) -> Path:
    """Return where a store keeps its files, if that is on this machine."""
    kind, _, where = store.describe().partition(", ")
    if kind == "embedded":
        return tmp_path
    with urllib.request.urlopen(f"{where}/_nodes/_local/settings", timeout=30) as answer:
        (node,) = json.load(answer)["nodes"].values()
    path = node["settings"]["path"]
    folder = Path(path.get("data") or Path(path["home"]) / "data")
    if not folder.is_dir():
        pytest.skip("the server keeps its files on another machine")
    return folder


def files_with(folder: Path, text: str) -> list[Path]:
    """Return the files below a folder that hold a part of a random text; compression may cut it anywhere."""
    parts = [text[start : start + PART].encode() for start in range(len(text) - PART + 1)]
    found = []
    for path in folder.rglob("*"):
        try:
            content = path.read_bytes() if path.is_file() else b""
            if any(part in content for part in parts):
                found.append(path)
        except FileNotFoundError:
            continue
    return found
