"""Somebody's first minute: the demo, the link that it prints, and why a document got its tag."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.scorelens_client.system import ANY_PORTS, spawn
from tests.tools import browser as browsers
from tests.tools.missing import MissingPartError, missing


def test_why_a_document_got_its_tag_is_found_from_the_demo(tmp_path: Path) -> None:
    """Whoever opens the printed link, searches a word and clicks a document reads the sum that led to its tag."""
    try:
        path = browsers.find()
    except MissingPartError as error:
        missing(str(error))
    demo = spawn(tmp_path, "demo", "--documents", "300", *ANY_PORTS, "--console", "127.0.0.1:0")
    try:
        assert demo.stdout
        printed = ""
        while "Try next" not in printed:
            line = demo.stdout.readline()
            assert line, demo.communicate()[1]
            printed += line
        viewer, scientist = re.findall(r"http\S+/signin\?code=\S+", printed)[:2]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=list(browsers.ARGUMENTS))
            page = browser.new_page()
            page.goto(scientist)
            page.locator("#q").fill("refund tag:complaint")
            page.keyboard.press("Enter")
            page.locator(".row a.text").first.click()
            expect(page.locator("main")).to_contain_text(re.compile(r"was given, at .* where .* is enough"))
            sum_ = page.locator("svg[role=img]").first
            for part in ("intercept", "margin", "probability", "threshold", "selected"):
                expect(sum_).to_contain_text(part)
            page.context.clear_cookies()
            page.goto(viewer)
            expect(page.locator(".row").first).to_be_visible()
            assert "margin" not in page.locator("main").inner_text().lower()
            browser.close()
    finally:
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=90)
