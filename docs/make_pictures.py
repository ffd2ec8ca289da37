"""Takes the pictures of README and docs/ from the demo, in a real browser: `make pictures`.

Needs Chromium (tests/tools/browser.py says how it is found). The demo's corpus is made by a seed, so that pictures
change only when pages do, but for times.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.tools import browser as browsers

PICTURES: Final = Path(__file__).parent / "pictures"
WIDTH: Final = 1200
COLOURS: Final = 128
QUERY: Final = "/documents?q=refund+AND+tag%3Acomplaint+AND+kind%3Atweet"


@contextmanager
def demo() -> Iterator[dict[str, str]]:
    """Run the demo for the time of the block; yield the links that sign in, by role."""
    with tempfile.TemporaryDirectory(prefix="scorelens-pictures-") as home:
        ports = [word for part in ("sidecar", "scorer", "indexer", "console") for word in (f"--{part}", "127.0.0.1:0")]
        command = [sys.executable, "-m", "scorelens_runtime", "demo", "--documents", "3000", "--home", home, *ports]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            printed = ""
            for line in process.stdout or ():
                printed += line
                if "Try next" in line:
                    break
            viewer, scientist = re.findall(r"http\S+/signin\?code=\S+", printed)[:2]
            yield {"viewer": viewer, "scientist": scientist}
        finally:
            process.terminate()
            process.wait()


def take(browser: Browser, links: dict[str, str]) -> None:
    """Take every picture."""
    for role, link in links.items():
        context = browser.new_context(viewport={"width": WIDTH, "height": 760}, timezone_id="UTC", locale="en-GB")
        page = context.new_page()
        page.goto(link)
        base = link.partition("/signin")[0]
        if role == "viewer":
            keep(page, f"{base}{QUERY}", "console-viewer")
            keep(page, f"{base}/reach", "console-reach")
        else:
            keep(page, f"{base}{QUERY}", "console-scientist")
            page.locator("a.text").first.click()
            page.wait_for_load_state("load")
            keep(page, page.url, "console-document")
            keep(page, f"{base}/patterns?of=complaint", "console-patterns")
        context.close()


def keep(page: Page, address: str, name: str) -> None:
    """Take a picture of what is seen first of a page."""
    page.goto(address)
    page.wait_for_load_state("networkidle")
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS).save(path, optimize=True)


def main() -> None:
    """Take the pictures."""
    PICTURES.mkdir(exist_ok=True)
    with demo() as links, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browsers.find(), args=list(browsers.ARGUMENTS))
        take(browser, links)
        browser.close()


if __name__ == "__main__":
    main()
