"""Reports: what an analysis found, as tables, and those as text, JSON, CSV, Markdown, HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mnet_cost.report.types import Column, Fact, Report, Table

FORMATS: Mapping[str, tuple[str, ...]] = {
    "text": ("", ".txt", ".text", ".log"),
    "json": (".json",),
    "csv": (".csv",),
    "markdown": (".md", ".markdown"),
    "html": (".html", ".htm"),
}
"""The formats that `render` knows, each with the endings of its files."""

__all__ = ["FORMATS", "Column", "Fact", "Report", "Table", "render"]


def render(
    report: Report,
    format: str,
    width: int | None = 100,
    color: bool = False,
    encoding: str = "utf-8",
    notes: bool = False,
) -> str:
    """The report in one of `FORMATS`, in characters that `encoding` has; `width` (None: as wide as
    it needs), `color` and `notes` (whether to show all of them) are for text alone."""
    if format == "text":
        from mnet_cost.report.text import to_text

        return to_text(report, width, color, encoding, notes)
    if format == "html":
        from mnet_cost.report.page import to_html

        return to_html(report, encoding)
    from mnet_cost.report import files

    writer: Callable[[Report, str], str] = getattr(files, f"to_{format}")
    return writer(report, encoding)
