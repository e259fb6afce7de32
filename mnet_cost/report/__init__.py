"""Reports: what an analysis found, as tables, and those as text, JSON, CSV, Markdown, HTML."""

from __future__ import annotations

from mnet_cost.report.types import Column, Fact, Report, Table

FORMATS = ("text", "json", "csv", "markdown", "html")
"""Names of the formats that `render` knows."""

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
    from mnet_cost.report import files

    if format == "json":
        return files.to_json(report)
    if format == "html":
        return files.to_html(report)
    return {"csv": files.to_csv, "markdown": files.to_markdown}[format](report, encoding)
