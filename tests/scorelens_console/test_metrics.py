"""What a console counts, and its admin port."""

from __future__ import annotations

from pathlib import Path

import httpx

from scorelens_console.access.accounts import Accounts
from scorelens_console.access.identity import read_roles
from scorelens_console.metrics import METRICS
from scorelens_store.open import open_store
from tests.end_to_end.processes import Component
from tests.scorelens_console.records import records
from tests.scraping import admin_of, assert_defined, get, is_ready, scrape, value

REQUESTS = "scorelens_console_request_duration_seconds_count"
REFUSED = "scorelens_console_sign_ins_refused_total"
SECRET = "correct horse battery"


def console(folder: Path, *flags: str) -> Component:
    """Make a console on an embedded store."""
    own = ("--store", str(folder / "store"), "--folder", str(folder / "console"), "--admin", "127.0.0.1:0")
    return Component(folder, "scorelens_runtime", "console", "serve", *own, *flags)


def test_requests_and_refused_sign_ins_are_counted(tmp_path: Path) -> None:
    """Requests are counted by the page that answered, never by what somebody typed; failures to sign in by the way."""
    store = open_store(tmp_path / "store")
    store.put(records(5))
    store.close()
    running = console(tmp_path, "--sign-in", "accounts")
    Accounts(tmp_path / "console" / "accounts.json").put("ada", read_roles("viewer"), SECRET)
    try:
        running.start()
        admin = admin_of(running.said())
        assert is_ready(admin)
        with httpx.Client(base_url=f"http://{running.address}", timeout=60) as client:
            origin = {"Origin": str(client.base_url).rstrip("/")}
            wrong = {"name": "ada", "password": "no such password"}
            assert client.post("/signin", data=wrong, headers=origin).status_code == 403
            right = {"name": "ada", "password": SECRET}
            assert client.post("/signin", data=right, headers=origin).status_code == 303
            assert client.get("/documents?q=refund").status_code == 200
            assert client.get(f"/documents/{1:032x}").status_code == 200
            assert client.get("/no-such-page/with-a-name").status_code == 404
            assert client.get("/api/v1/documents", headers={"Authorization": "Bearer x"}).status_code == 401
        families = scrape(admin)
    finally:
        running.stop()
    assert_defined(families, METRICS)
    assert value(families, REQUESTS, route="documents", status="200") == 1
    assert value(families, REQUESTS, route="document", status="200") == 1
    assert value(families, REQUESTS, route="by_password", status="303") == 1
    assert value(families, REQUESTS, route="other", status="404") == 1
    assert value(families, REFUSED, method="account") == 1
    assert value(families, REFUSED, method="token") == 1
    assert value(families, REFUSED, method="oidc") == 0
    labels = {label for family in families.values() for each in family.samples for label in each.labels.values()}
    assert not [
        label for label in labels if f"{1:032x}" in label or "refund" in label or "ada" in label or "/" in label
    ]


def test_the_port_ends_with_the_console(tmp_path: Path) -> None:
    """The console lives and is ready until SIGTERM, and takes its admin port along."""
    open_store(tmp_path / "store").close()
    running = console(tmp_path).start()
    admin = admin_of(running.said())
    assert (get(admin, "/livez")[0], is_ready(admin)) == (200, True)
    running.stop()
    assert get(admin, "/livez")[0] == 0
