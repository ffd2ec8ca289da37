"""Copies the scripts that the console ships from the packages of package-lock.json: `make assets`.

    python assets/make.py FOLDER      FOLDER holds what `npm ci` installed

Nothing is changed but the form in which vega-interpreter is loaded: it is a module, which imports by a name that a
browser cannot resolve, and becomes a script beside the others.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Final

VENDOR: Final = Path(__file__).parents[1] / "services" / "scorelens_console" / "static" / "vendor"
FILES: Final = {
    "htmx.org": "dist/htmx.min.js",
    "vega": "build/vega.min.js",
    "vega-lite": "build/vega-lite.min.js",
    "vega-interpreter": "build/vega-interpreter.js",
}


def make(installed: Path) -> dict[str, str]:
    """Return the files of the vendor folder by name."""
    made = {}
    notices = ["Scripts of others that the console ships. Written by `make assets`.\n"]
    for package, path in FILES.items():
        folder = installed / "node_modules" / package
        about = json.loads((folder / "package.json").read_text("utf-8"))
        script = re.sub(r"\n//# sourceMappingURL=.*\n?", "\n", (folder / path).read_text("utf-8"))
        name = Path(path).name if path.endswith(".min.js") else f"{package}.js"
        made[name] = as_script(script) if package == "vega-interpreter" else script
        head = f"{name}: {package} {about['version']}, {about['license']}, {about.get('homepage', '')}"
        notices.append(f"{head}\n\n{(folder / 'LICENSE').read_text('utf-8').strip()}\n")
    made["NOTICES.txt"] = "\n".join(notices)
    return made


def as_script(module: str) -> str:
    """Return a module as a script that takes its imports from `vega` and puts its export there."""
    body, imported = re.subn(r"import \{([^}]*)\} from 'vega-util';", r"const {\1} = vega;", module)
    body, exported = re.subn(r"export \{ (\w+) as (\w+) \};", r"vega.\2 = \1;", body)
    if (imported, exported) != (1, 1):
        sys.exit("vega-interpreter has another form now: look at assets/make.py")
    return f"(() => {{\n{body.strip()}\n}})();\n"


if __name__ == "__main__":
    VENDOR.mkdir(parents=True, exist_ok=True)
    for name, text in make(Path(sys.argv[1])).items():
        (VENDOR / name).write_text(text, encoding="utf-8")
