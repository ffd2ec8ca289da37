"""Links that sign somebody in to the web console of a system, made by the console's own command."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

from scorelens_client.home import Home, System

PERSONAS: Final = {"viewer": "what end users see", "scientist": "with the calculation against each document"}


def console_url(system: System) -> str:
    """Return the address of the console for a browser on this machine."""
    return system.console if "://" in system.console else f"http://{system.console}"


def sign_in_links(home: Home, system: System) -> dict[str, str]:
    """Return a link by role that signs in once; none where no console runs, or it has another way of signing in."""
    return {role: link for role in PERSONAS if system.console and (link := _link(home, system, role))}


def _link(home: Home, system: System, role: str) -> str:
    command = [sys.executable, "-P", "-m", "scorelens_runtime", "console", "link", "--json", "--as", role]
    command += ["--url", console_url(system), "--folder", str(home.console)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return str(json.loads(done.stdout)["link"]) if done.returncode == 0 else ""
