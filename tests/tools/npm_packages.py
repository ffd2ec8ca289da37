"""What the console's tests take from npm, installed from a lock file by npm itself."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Final

from tests.tools.missing import MissingPartError
from tests.tools.places import TOOLS, alone
from tests.tools.run import run

GET: Final = "install Node.js 20 or newer with npm (apt-get install nodejs npm) and let it reach an npm registry"
LOCKED: Final = Path(__file__).with_name("npm")
FOLDER: Final = TOOLS / "npm"


def prepare() -> str:
    """Have the packages in FOLDER/node_modules; return "found" or "installed". Raises MissingPartError."""
    lock = (LOCKED / "package-lock.json").read_bytes()
    stamp, digest = FOLDER / "installed", hashlib.sha256(lock).hexdigest()
    with alone("npm"):
        if stamp.is_file() and stamp.read_text() == digest:
            return "found"
        if shutil.which("npm") is None:
            raise MissingPartError(f"there is no npm on the PATH; {GET}")
        FOLDER.mkdir(exist_ok=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copyfile(LOCKED / name, FOLDER / name)
        run(["npm", "ci", "--silent", "--no-fund", "--no-audit", f"--prefix={FOLDER}"], limit=600, get=GET)
        stamp.write_text(digest)
    return "installed"


def package(name: str) -> Path:
    """Return the folder of a package. Raises MissingPartError."""
    prepare()
    return FOLDER / "node_modules" / name
