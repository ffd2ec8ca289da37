"""The account of a sidecar's folder as JSON, for `scorelens status` and for anybody's own tools.

    python -m scorelens_sidecar.status --folder FOLDER --json

prints one object; it needs no running sidecar, and disturbs none:

    {"folder": "/.../sidecar",                the sidecar's folder
     "adds_up": true,                         whether every account below does
     "spool_bytes": 4294967296,               what the spool may hold, by SCORELENS_SIDECAR_SPOOL_BYTES
     "relays": [                              one per spool folder, empty before the first start
       {"folder": "/.../sidecar/spool/relay-0",
        "bytes": 123456,                      what its segments take on disk
        "destinations": [                     one per receiver that has a cursor
          {"destination": "http://127.0.0.1:4317",
           "configured": true,                false: the shipper sends nothing there any more
           "state": "delivering",             or "waiting", "alarm": what the shipper said last; "" before it did
           "reason": "",                      why it waits, or who has to do what
           "seen": 1000,                      = acknowledged + spooled + dropped + sampled_out, since it began
           "acknowledged": 990,               the receiver has answered for these
           "rejected": 0,                     of the acknowledged: the receiver said it did not keep them
           "dead_letters": 1,                 of the acknowledged: put aside, listed by `scorelens dead-letters`
           "spooled": 10,                     on disk, counted there
           "dropped": {"quota": 0, "memory": 0, "disk": 0, "expired": 0, "damaged": 0},
           "sampled_out": 0,
           "oldest_spooled_age": 0.8,         seconds, null with nothing spooled
           "bytes": 65536,                    what is spooled for it
           "adds_up": true}]}]}

Without --json the same as a short text. The status is 0 when everything adds up, and 3 when it does not.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from scorelens_runtime.errors import ScorelensError, SettingError
from scorelens_runtime.settings import variable_of
from scorelens_sidecar.settings import SidecarSettings
from scorelens_sidecar.shipper.health import states_in
from scorelens_sidecar.spool.account import read_account
from scorelens_sidecar.spool.folders import relay_folders
from scorelens_sidecar.spool.quota import bytes_on_disk

DOES_NOT_ADD_UP = 3


def read_status(folder: Path) -> dict[str, Any]:
    """Return what the module's docstring describes."""
    said = states_in(folder)
    relays = [
        {
            "folder": str(relay),
            "bytes": bytes_on_disk(relay),
            "destinations": [
                {
                    "configured": said is None or account.destination in said,
                    "state": (said or {}).get(account.destination, ("", ""))[0],
                    "reason": (said or {}).get(account.destination, ("", ""))[1],
                    **asdict(account),
                }
                for account in read_account(relay)
            ],
        }
        for relay in relay_folders(folder)
    ]
    adds_up = all(account["adds_up"] for relay in relays for account in relay["destinations"])  # type: ignore[attr-defined]
    return {"folder": str(folder), "adds_up": adds_up, "spool_bytes": _quota(), "relays": relays}


def _quota() -> int:
    """Return what the environment says of the quota; a flag of the running sidecar is not seen here."""
    field = next(each for each in fields(SidecarSettings) if each.name == "spool_bytes")
    variable = variable_of(field, "sidecar")
    try:
        return int(field.metadata["parse"](os.environ.get(variable) or field.metadata["default"]))
    except SettingError as error:
        raise SettingError(f"setting {variable}: {error}") from error


def as_text(status: dict[str, Any]) -> str:
    """Put a status in words, a few lines per destination."""
    lines = [_in_words(each) for relay in status["relays"] for each in relay["destinations"]]
    return "\n".join(lines) or f"nothing was recorded in {status['folder']} yet"


def _in_words(account: dict[str, Any]) -> str:
    dropped = sum(account["dropped"].values())
    reasons = ", ".join(f"{name} {count}" for name, count in account["dropped"].items() if count)
    return (
        f"{account['destination']}{'' if account['configured'] else ' (not sent to any more)'}:"
        f" {account['seen']} seen = {account['acknowledged']} acknowledged"
        f" + {account['spooled']} spooled + {dropped} dropped{f' ({reasons})' if reasons else ''}"
        f" + {account['sampled_out']} sampled out"
        f"{'' if account['adds_up'] else '  DOES NOT ADD UP'}\n"
        f"  of the acknowledged: {account['rejected']} rejected, {account['dead_letters']} dead letters"
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the status of a folder; return the process's exit status."""
    parser = argparse.ArgumentParser("scorelens_sidecar.status", description="Print the account of a sidecar's folder.")
    parser.add_argument("--folder", type=Path, required=True, help="the sidecar's folder")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    try:
        status = read_status(options.folder.expanduser().absolute())
    except ScorelensError as error:
        sys.stderr.write(f"scorelens: {error}\n")
        return error.exit_status
    sys.stdout.write((json.dumps(status) if options.json else as_text(status)) + "\n")
    return 0 if status["adds_up"] else DOES_NOT_ADD_UP


if __name__ == "__main__":
    sys.exit(main())
