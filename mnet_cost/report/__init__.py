"""Reports: what an analysis found, as tables, and those as text, JSON, CSV, Markdown, HTML."""

from __future__ import annotations

from mnet_cost.report.types import Column, Fact, Report, Table

FORMATS = ("text", "json", "csv", "markdown", "html")
"""Names of the formats that `render` knows."""

__all__ = ["FORMATS", "Column", "Fact", "Report", "Table", "render"]


def render(report: Report, format: str, width: int = 100, color: bool = False) -> str:
    """The report in one of `FORMATS`; `width` and `color` are for text alone."""
    if format == "text":
        from mnet_cost.report.text import to_text

        return to_text(report, width, color)
    from mnet_cost.report import files

    return {
        "json": files.to_json,
        "csv": files.to_csv,
        "markdown": files.to_markdown,
        "html": files.to_html,
    }[format](report)
