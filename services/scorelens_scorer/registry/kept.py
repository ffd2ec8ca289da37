"""The folder where versions of models are kept."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scorelens.tag_names import is_tag_id
from scorelens_scorer.errors import ModelRefusedError, RegistryError
from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.registry.history import History
from scorelens_scorer.saved import BELONGING, MANIFEST, load

IN_USE: Final = "in-use.json"
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


class Registry:
    """Models by id and version, in a folder that several processes read and write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ids(self) -> list[str]:
        """Return the ids of all models that have a version, sorted."""
        return [name for name in _names(self.folder) if is_tag_id(name) and self.versions(name)]

    def versions(self, model: str) -> list[str]:
        """Return the versions that are kept of a model, the oldest first."""
        kept = [path for path in self._manifests(model) if _VERSION.fullmatch(path.parent.name)]
        return [path.parent.name for path in sorted(kept, key=lambda path: (path.stat().st_mtime_ns, path))]

    def place(self, model: str, version: str) -> Path:
        """Return the folder of a version. Raises RegistryError for a name that can be none."""
        _check_id(model)
        if not _VERSION.fullmatch(version):
            raise RegistryError(f"{version!r} cannot be a version: use letters, digits and . _ + -")
        return self.folder / model / version

    def check(self, model: str) -> None:
        """Raise RegistryError for a name that no model can have, or a folder that nothing can be written to."""
        _check_id(model)
        nearest = next(folder for folder in (self.folder / model, *(self.folder / model).parents) if folder.exists())
        if not os.access(nearest, os.W_OK):
            raise RegistryError(f"{nearest} cannot be written to, where the model is to be kept (--cache)")

    def load(self, model: str, version: str) -> LinearModel:
        """Read a version. Raises ModelRefusedError, also where its manifest names another model or version."""
        folder = self.place(model, version)
        if not folder.exists():
            kept = ", ".join(self.versions(model)) or "none"
            raise ModelRefusedError(f"model {model} has no version {version!r} in {self.folder}; kept are: {kept}")
        found = load(folder)
        if (found.id, found.version) != (model, version):
            raise ModelRefusedError(f"model folder {folder}: its manifest says {found.id} {found.version}")
        return found

    def add(self, model: str, folder: Path) -> str:
        """Keep a copy of a saved model and return its version. Raises ModelRefusedError or RegistryError."""
        found = load(folder)
        if found.id != model:
            raise RegistryError(f"the model in {folder} is {found.id!r}: scorelens promote {found.id} {folder}")
        place = self.place(model, found.version)
        if place.exists():
            if (place / MANIFEST).read_bytes() != (folder / MANIFEST).read_bytes():
                raise RegistryError(f"{model} {found.version} is kept already and is another model than {folder}")
            return found.version
        try:
            _copy(folder, place)
        except OSError as error:
            raise RegistryError(f"cannot copy {folder} to {place}: {error.strerror}") from error
        return found.version

    def history(self, model: str) -> History:
        """Return which version is in use and was before. Raises RegistryError where the file cannot be read."""
        path = self.folder / model / IN_USE
        try:
            return History.of_json(json.loads(path.read_bytes()))
        except (FileNotFoundError, NotADirectoryError):
            return History()
        except OSError as error:
            raise RegistryError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise RegistryError(f"{path} is damaged: {error}; repair it, or remove it and promote again") from error

    def promoted(self) -> list[str]:
        """Return the ids of all models of which something was promoted, sorted."""
        return [name for name in _names(self.folder) if is_tag_id(name) and (self.folder / name / IN_USE).exists()]

    def change(self, model: str, make: Callable[[History], History]) -> History:
        """Replace the history of a model by what `make` makes of it; one change at a time. Raises RegistryError."""
        _check_id(model)
        try:
            with self._changing(model):
                history = make(self.history(model))
                _write(self.folder / model / IN_USE, json.dumps(history.as_json(), indent=1, ensure_ascii=False) + "\n")
        except OSError as error:
            raise RegistryError(f"cannot write {self.folder / model / IN_USE}: {error.strerror}") from error
        return history

    @contextmanager
    def _changing(self, model: str) -> Iterator[None]:
        (self.folder / model).mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.folder / model, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _manifests(self, model: str) -> list[Path]:
        return [path for path in (self.folder / model).glob(f"*/{MANIFEST}") if not path.parent.name.startswith(".")]


def _check_id(model: str) -> None:
    if not is_tag_id(model):
        raise RegistryError(f"{model!r} cannot be the id of a kept model: use 1 to 64 of a-z, 0-9, _ and -")


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise RegistryError(f"{folder} cannot be read: {error.strerror} (setting --cache)") from error


def _copy(folder: Path, place: Path) -> None:
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        for name in BELONGING:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, made / name)
        made.replace(place)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _write(path: Path, content: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
