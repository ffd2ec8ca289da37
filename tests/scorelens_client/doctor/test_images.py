"""The doctor where a part's image lacks the libraries of the others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

WITHOUT = """
import sys
from importlib.abc import MetaPathFinder

class Lacking(MetaPathFinder):
    names = {"rich", "httpx", "pyarrow", "elasticsearch", "elastic_transport", "tantivy", "orjson", "numpy", "sklearn"}
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Lacking())
from scorelens_runtime.main import main
main(["doctor", "--json"])
"""


def test_it_runs_with_what_every_image_has(tmp_path: Path) -> None:
    """Without the libraries of stores and clients, what needs them is said as not checked, and the rest is checked."""
    (tmp_path / "store").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCORELENS_")}
    for store in (str(tmp_path / "store"), "http://127.0.0.1:9"):
        environment = {**kept, "SCORELENS_HOME": str(tmp_path), "SCORELENS_INDEXER_STORE": store}
        command = [sys.executable, "-P", "-c", WITHOUT]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        checks = json.loads(ran.stdout)["checks"]
        [stored] = [one for one in checks if (one["part"], one["check"]) == ("store", "address")]
        assert stored["mark"] == "not checked"
        assert "pip install 'scorelens[store]'" in stored["advice"]
        assert ran.returncode == 0, ran.stderr
