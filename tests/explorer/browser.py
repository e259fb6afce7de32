"""A page in headless Chromium, for tests and for the benchmark; skipped where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def missing() -> str | None:
    """Why no browser can be started; None where one can."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "needs Playwright"
    return None if CHROMIUM else "needs Chromium"


@contextmanager
def browser() -> Iterator[Any]:
    """A browser of the system, without a window and without calls to its maker."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_QUIET))
        try:
            yield started
        finally:
            started.close()


class Opened:
    """A page that was opened from a file, and what it asked for and said."""

    def __init__(
        self,
        browser: Any,
        file: Path,
        fragment: str = "",
        *,
        width: int = 1440,
        height: int = 1000,
        dark: bool = False,
        checked: bool = False,
    ) -> None:
        """With `checked`, scripts of a test may be added, which the page's policy forbids."""
        self._context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            bypass_csp=checked,
        )
        self.page = self._context.new_page()
        self.requests: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.address = file.resolve().as_uri()
        self.page.goto(self.address + (f"#{fragment}" if fragment else ""))
        self.page.wait_for_function(
            """() => document.documentElement.dataset.ready
              || document.getElementById("app").textContent.includes("could not be read")"""
        )
        shown = self.page.text_content("#app")
        assert "could not be read" not in shown, (file.name, shown)

    def _dialog(self, dialog: Any) -> None:
        self.said.append(dialog.message)
        dialog.dismiss()

    def rest(self) -> None:
        """Wait until a change is drawn, and what waits for a pause is drawn, too."""
        self.page.wait_for_timeout(250)  # what waits for a pause waits 150 ms
        self.page.wait_for_function("() => !document.querySelector('#app.busy, #app.late')")

    def set(self, knob: str, value: float) -> None:
        """Move a slider with equal steps to a value, as a hand does."""
        self.page.evaluate(
            """([id, value]) => {
              const input = document.getElementById(id);
              const { min, max } = input.dataset;
              input.value = String((value - Number(min)) / (Number(max) - Number(min))
                * Number(input.max));
              input.dispatchEvent(new Event("input", { bubbles: true }));
            }""",
            [f"knob-{knob}", value],
        )
        self.rest()

    def close(self) -> None:
        """Close the page."""
        self._context.close()

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
