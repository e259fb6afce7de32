"""`explore`: models and devices as a user means them, to the text of a page."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.library import device_names, device_path
from mnet_cost.explorer.document import Asked, Explored, explore_document
from mnet_cost.explorer.page import write_page
from mnet_cost.models.types import BATCH, Model
from mnet_cost.paths import write_whole
from mnet_cost.report.rows import distinct
from mnet_cost.search.networks import with_knobs
from mnet_cost.search.single import word_of


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ExplorerPage:
    """The page of `mnet-cost explore`: one HTML file with sliders that recompute."""

    text: str
    """The text of the file, which needs nothing else."""
    titles: tuple[str, ...]
    """What its networks are called."""
    unmodelled: tuple[str, ...]
    """Names of layers whose cost is unknown, so that the page has no totals."""

    @property
    def title(self) -> str:
        """What its networks are called, in one line."""
        return " vs ".join(self.titles)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, whole or not at all; `OutputError` where that is impossible."""
        write_whole(path, self.text)

    def __repr__(self) -> str:
        return f"<ExplorerPage {self.title}: {len(self.text) / 1000:.0f} kB>"

    def _repr_html_(self) -> str:
        """The page in a frame of a notebook, apart from whatever else is there."""
        from mnet_cost.report.notebook import framed

        return framed(self.text, self.title)


def explore_page(
    names: Sequence[str],
    models: Sequence[Model],
    devices: Sequence[DeviceProfile],
    knobs: Mapping[str, Any] | None = None,
    *,
    threads: int | None = None,
    runtime: str | None = None,
    precision: str | None = None,
    convention: str = "paper",
    lower_bound: bool = False,
    references: Sequence[str] | None = None,
    notes: Sequence[str] = (),
) -> ExplorerPage:
    """The page about `models`, which `names` lead to, with `knobs` for those that have them.

    `references` lead to them on a command line where `names` do not; `notes` are sentences about
    what was asked for and the page has not.

    Raises what loading and elaborating raise, and `UsageError` for a precision or convention that
    is not there.
    """
    given = dict(knobs or {})
    explored = [
        Explored(title, reference, model)
        for title, reference, model in zip(
            distinct(names), references or names, with_knobs(models, given), strict=True
        )
    ]
    asked = Asked(
        devices=tuple(devices),
        references=tuple(map(_reference, devices)),
        precision=precision,
        convention=convention,
        lower_bound=lower_bound,
        arguments=tuple(_arguments(given, runtime, threads, precision, convention, lower_bound)),
        notes=tuple(notes),
    )
    document = explore_document(explored, asked)
    unmodelled = [
        name for model in document["models"] for name in model["structures"][0]["unmodelled"]
    ]
    return ExplorerPage(
        text=write_page(document),
        titles=tuple([each.title for each in explored]),
        unmodelled=() if lower_bound else tuple(unmodelled),
    )


def _reference(device: DeviceProfile) -> str:
    """What leads to a device: its name where it is shipped, else its file."""
    if device.name in device_names() and device.path == str(device_path(device.name)):
        return device.name
    return device.path or device.name


def _arguments(
    knobs: Mapping[str, Any],
    runtime: str | None,
    threads: int | None,
    precision: str | None,
    convention: str,
    lower_bound: bool,
) -> list[str]:
    """What leads to the page on a command line, beside models and devices."""
    words: list[str] = []
    for name, value in knobs.items():
        words += (
            ["--batch", word_of(value)] if name == BATCH else ["--set", f"{name}={word_of(value)}"]
        )
    if runtime is not None:
        words += ["--runtime", runtime]
    if threads is not None:
        words += ["--threads", str(threads)]
    if precision is not None:
        words += ["--precision", precision]
    if convention != "paper":
        words += ["--convention", convention]
    if lower_bound:
        words.append("--lower-bound")
    return [shlex.quote(word) for word in words]
