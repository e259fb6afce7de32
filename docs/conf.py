"""Sphinx: how the site is built. `python -m sphinx -W --keep-going -n docs SITE` builds it.

The reference is written from the code first (`generate.py`), into `docs/reference/generated/`, and
a page of `mnet-cost explore` into `docs/live/`, which is copied to the top of the site.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from generate import write_live_page, write_reference  # noqa: E402
from sphinx.application import Sphinx  # noqa: E402

from mnet_cost import __version__  # noqa: E402

project = "mnet_cost"
author = "the authors of mnet_cost"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["README.md"]

html_theme = "furo"
html_title = f"mnet_cost {__version__}"
html_extra_path = ["live"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
# Types in signatures are named as in the code; those that are not public have no page.
nitpick_ignore_regex = [("py:.*", ".*")]

copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True


def _from_markdown(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Docstrings mark code by single backticks, as Markdown does; reStructuredText by two
    and reads more signs as marks. Fields without a docstring have one that Python made."""
    made_up = [line for line in lines if line.startswith("Alias for field number")]
    parts = re.split(r"`([^`]+)`", "\n".join(lines))
    marked = [
        f"``{part}``" if i % 2 else re.sub(r"([\\*|]|_\b)", r"\\\1", part)
        for i, part in enumerate(parts)
    ]
    lines[:] = [] if made_up else "".join(marked).split("\n")


def setup(app: Sphinx) -> None:
    """Write the generated pages before the site is read."""
    write_live_page(HERE / "live")
    write_reference(HERE / "reference" / "generated")
    app.connect("autodoc-process-docstring", _from_markdown)
