"""The machine's Chromium, opened on pages that we make, with everything that it complains about."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

QUIET = (
    "--no-sandbox",  # CI is root, for whom Chromium has no sandbox; the pages are our own
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window, for as long as the block lasts."""
    program = shutil.which("chromium")
    assert program, "No chromium on the path. Debian: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A page that is open. ``requests``: every address that was asked for. ``complaints``: what stood on the console,
    and errors of scripts."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def violations(self) -> list[str]:
        """What axe-core finds wrong, by its rules for WCAG 2.2 AA and good practice."""
        found: list[dict[str, Any]] = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found]


@contextmanager
def visit(browser: Browser, path: Path, *, width: int = 1200, dark: bool = False, media: Any = None) -> Iterator[Visit]:
    """Open a file in a window of its own, with no network."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", offline=True
    )
    try:
        page = context.new_page()
        made = Visit(page)
        page.on("request", lambda one: made.requests.append(one.url))
        page.on("console", lambda one: made.complaints.append(one.text))
        page.on("pageerror", lambda one: made.complaints.append(str(one)))
        page.emulate_media(media=media)
        page.goto(path.as_uri())
        yield made
    finally:
        context.close()


def check_that_everybody_can_read(seen: Visit, path: Path) -> None:
    """It asks for nothing but itself, says nothing to the console, breaks no rule of axe-core, and never scrolls
    sideways as a whole: tables scroll by themselves."""
    assert seen.requests == [path.as_uri()]
    assert seen.complaints == []
    assert seen.violations() == []
    width = seen.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1]
