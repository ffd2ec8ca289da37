"""Changes of several files that happen wholly or not at all, whenever the process is killed.

New files are written aside. Then the journal says which of them go where and which old ones go away; from that moment
the change counts. It is carried out step by step, and after a crash once more from its beginning: a step that was done
already finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from scorelens_store.embedded.files import sync_folder
from scorelens_store.tables import files


class Journal:
    """The journal of one folder; all paths are relative to the folder."""

    def __init__(self, folder: Path, path: Path) -> None:
        """Take the folder and the journal's own path within it."""
        self._folder, self._path = folder, path

    def is_pending(self) -> bool:
        """Tell whether a change was begun and not finished."""
        return self._path.exists()

    def change(self, moves: Mapping[str, str], removals: Sequence[str] = ()) -> None:
        """Move files to where they belong, over what is there, and remove others."""
        files.replace(self._path, orjson.dumps({"moves": dict(moves), "removals": list(removals)}))
        self.finish()

    def finish(self) -> None:
        """Carry out a change that was begun."""
        try:
            change = orjson.loads(self._path.read_bytes())
        except FileNotFoundError:
            return
        for source, target in change["moves"].items():
            files.make_folder((self._folder / target).parent)
            if (self._folder / source).exists():
                (self._folder / source).replace(self._folder / target)
        for name in change["removals"]:
            (self._folder / name).unlink(missing_ok=True)
        for folder in sorted(
            {(self._folder / name).parent for name in (*change["moves"].values(), *change["removals"])}
        ):
            if folder.exists():
                sync_folder(folder)
        self._path.unlink()
        sync_folder(self._path.parent)
