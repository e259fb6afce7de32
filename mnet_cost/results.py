"""What functions of `api.py` give: results of the packages below, with ways to show them.

Each has `report`, `to_dict`, and a table in notebooks. They stand here since reports are made of
analyses, so an analysis cannot know of reports. Not here: any arithmetic.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from mnet_cost import analysis as passes
from mnet_cost.errors import Problem, UsageError, did_you_mean
from mnet_cost.units import format_count, format_seconds

if TYPE_CHECKING:
    from mnet_cost.budgets.judgements import CheckResult, Judgement
    from mnet_cost.changes.advice import Advice, AdviceResult
    from mnet_cost.changes.sensitivity import GroupSensitivity, SensitivityResult
    from mnet_cost.changes.what_if import WhatIf
    from mnet_cost.devices import DeviceProfile
    from mnet_cost.differences.compare import RatioBreakdown
    from mnet_cost.differences.diff import Diff
    from mnet_cost.explorer.explore import ExplorerPage
    from mnet_cost.measure.calibrate import Calibration
    from mnet_cost.measure.runs.request import MeasuredNetworks
    from mnet_cost.measure.runs.sessions import Failure, Session, Timed
    from mnet_cost.measure.runs.validate import Validation
    from mnet_cost.network import Network
    from mnet_cost.reconciliation.types import Reconciled, ReconciliationResult
    from mnet_cost.report import Report
    from mnet_cost.search import fit as search_fit
    from mnet_cost.search.fit import Size
    from mnet_cost.search.summary import Summary
    from mnet_cost.search.sweep_request import SweepRequest

Grain = Literal["layer", "block", "kind"]
Format = Literal["text", "json", "csv", "markdown", "html"]


class Result:
    """A result that can be shown: `_view` makes its report."""

    __slots__ = ()

    def _view(self, by: Any = None) -> Report:
        raise NotImplementedError

    def _with_lower_bounds(self) -> Self:
        """The same, which gives lower bounds where an analysis in it has no totals."""
        return self

    def report(
        self,
        by: Grain | Literal["kernel"] | None = None,
        *,
        format: Format = "text",
        width: int = 100,
        color: bool = False,
        lower_bound: bool = False,
    ) -> str:
        """The report that the command line prints.

        `by` says what a row stands for. `width` is in columns; it and `color` are for text alone.
        `lower_bound` gives totals although some layers have no cost rule.
        """
        from mnet_cost.report import FORMATS, render

        if format not in FORMATS:
            hint = did_you_mean(format, FORMATS) or "there are " + ", ".join(FORMATS)
            raise UsageError(Problem(f"there is no format `{format}`", hint=hint))
        shown = self._with_lower_bounds() if lower_bound else self
        return render(shown._view(by), format, width, color)

    def to_dict(self, *, lower_bound: bool = False) -> dict[str, Any]:
        """The JSON document of `--format json`, as plain lists, dicts, numbers and texts."""
        from mnet_cost.report import render

        shown = self._with_lower_bounds() if lower_bound else self
        document: dict[str, Any] = json.loads(render(shown._view(), "json"))
        return document

    def _repr_html_(self) -> str:
        """The report as notebooks show it."""
        from mnet_cost.report.notebook import to_notebook

        return to_notebook(self._view())


class Analysis(Result, passes.Analysis):
    __doc__ = passes.Analysis.__doc__

    __slots__ = ()

    def explore(self) -> ExplorerPage:
        """A page with sliders that recompute, which notebooks show in a frame. Zeros and another
        order of layers are not in it, and it says so."""
        return _explored([self.network.spec.title], [self])

    def _view(self, by: Any = None) -> Report:
        from mnet_cost.report.analysis import analysis_report

        return analysis_report(self, by or "block")

    def _with_lower_bounds(self) -> Self:
        return self.with_lower_bounds()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison(Result):
    """Networks side by side on the same devices; the first is what ratios are over."""

    names: tuple[str, ...]
    analyses: tuple[Analysis, ...]

    @property
    def breakdowns(self) -> tuple[tuple[RatioBreakdown, ...], ...]:
        """For each network after the first, by device: why its ratio of times is another."""
        from mnet_cost.differences.compare import ratio_breakdowns

        return tuple(ratio_breakdowns(self.analyses[0], other) for other in self.analyses[1:])

    @property
    def diff(self) -> Diff:
        """What differs between two networks, and what each cause moves totals and times by."""
        from mnet_cost.differences.diff import diff

        if len(self.analyses) != 2:
            raise UsageError(
                Problem(
                    f"a diff is of two networks, not {len(self.analyses)}",
                    hint="compare each with the first one by itself",
                )
            )
        return diff(*self.analyses)

    def __repr__(self) -> str:
        networks = [
            f"{name} {'at least ' * bool(analysis.unmodelled)}"
            f"{format_count(analysis.sums.mult_adds)}"
            for name, analysis in zip(self.names, self.analyses, strict=True)
        ]
        more = f", {len(networks) - 3} more" if len(networks) > 3 else ""
        on = ", ".join(estimate.device.name for estimate in self.analyses[0].devices[:3])
        return f"<Comparison {' vs '.join(networks[:3])} mult-adds{more}{on and f' on {on}'}>"

    def _view(self, by: Any = None) -> Report:
        from mnet_cost.report.compare import compare_report

        return compare_report(self.names, self.analyses, by)

    def explore(self) -> ExplorerPage:
        """A page of the networks side by side with sliders that recompute, which notebooks show in
        a frame."""
        return _explored(self.names, self.analyses)

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw the times with their ranges, and the accuracies where they are known, as `.png` or
        `.svg`."""
        from mnet_cost.report.compare_plot import plot_compare

        plot_compare(os.fspath(path), self.names, self.analyses)

    def _with_lower_bounds(self) -> Self:
        analyses = tuple([analysis.with_lower_bounds() for analysis in self.analyses])
        return replace(self, analyses=analyses)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Sensitivity(Result):
    """What each group of layers changes where it is narrower or wider."""

    analysis: Analysis
    """Of the network as it is."""
    result: SensitivityResult

    @property
    def groups(self) -> tuple[GroupSensitivity, ...]:
        """Layers that change together, in the order of the network."""
        return self.result.groups

    def worth_thinning(self, device: int = 0) -> list[GroupSensitivity]:
        """Groups that lose a larger share of the time than of the mult-adds at the next full tile
        below, on one of the devices by its number; the largest gain first."""
        return self.result.worth_thinning(device)

    def __repr__(self) -> str:
        title = self.analysis.network.spec.title
        return f"<Sensitivity {title}: {len(self.groups)} groups of layers>"

    def _view(self, by: Any = None) -> Report:
        from mnet_cost.report.sensitivity import sensitivity_report

        return sensitivity_report(self.result)

    def _with_lower_bounds(self) -> Self:
        analysis = self.analysis.with_lower_bounds()
        return replace(self, analysis=analysis, result=self.result.with_lower_bounds())


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reconciliation(Result):
    """Numbers of others beside the mult-adds of a network, and what explains each."""

    result: ReconciliationResult

    @property
    def mult_adds(self) -> int:
        """Ours, by the convention of the paper."""
        return self.result.mult_adds

    @property
    def numbers(self) -> tuple[Reconciled, ...]:
        """Each number with its explanations, the best first, whose causes add up to the gap."""
        return self.result.figures

    @property
    def is_explained(self) -> bool:
        """Whether something explains every number."""
        return all(number.is_explained for number in self.numbers)

    def __repr__(self) -> str:
        from mnet_cost.report.reconcile import what_it_is

        said = "; ".join(f"{each.figure.text} is {what_it_is(each)}" for each in self.numbers)
        return f"<Reconciliation {self.result.network.spec.title}: {said}>"

    def _view(self, by: Any = None) -> Report:
        from mnet_cost.report.reconcile import reconcile_report

        return reconcile_report(self.result)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Advices(Result):
    """An analysis, and the changes with the most to gain on its first device."""

    analysis: Analysis
    result: AdviceResult

    @property
    def advice(self) -> tuple[Advice, ...]:
        """The most to gain first."""
        return self.result.advice

    def __repr__(self) -> str:
        changes = "; ".join(advice.change for advice in self.advice) or "none"
        name = self.result.device.device.name
        return f"<Advices {self.analysis.network.spec.title} on {name}: {changes}>"

    def _view(self, by: Any = None) -> Report:
        from mnet_cost.report.advice import with_advice

        return with_advice(self.analysis._view(by), self.result)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WhatIfs(Result):
    """An analysis, and each of its devices with other numbers."""

    analysis: Analysis
    devices: tuple[WhatIf, ...]

    def __repr__(self) -> str:
        changes = ", ".join(figure.text for figure in self.devices[0].figures)
        times = [
            f"{what_if.before.device.name} {what_if.before.time_text} -> {what_if.after.time_text}"
            for what_if in self.devices[:3]
        ]
        return f"<WhatIfs {changes}: {', '.join(times)}>"

    def _view(self, by: Any = None) -> Report:
        from mnet_cost.report.what_if import with_what_if

        return with_what_if(self.analysis._view(by), self.analysis, self.devices)

    def _with_lower_bounds(self) -> Self:
        return replace(self, analysis=self.analysis.with_lower_bounds())


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CalibratedDevice(Result):
    """A device profile with a fit to measured times, and how far off the fit is."""

    profile: DeviceProfile
    text: str
    """The profile as YAML, to be kept in a file: `load_device` reads it."""
    calibrations: Mapping[str, Calibration]
    """The fit and its errors, by precision."""
    unread: tuple[str, ...]
    """Columns of the CSV files of which nothing was taken."""
    notes: tuple[str, ...] = ()
    """What is to be said of the runtime of the measurements, and of its version."""

    def __repr__(self) -> str:
        errors = [
            f"{precision} {100 * held_out.mean:.1f} % off"
            for precision, calibration in self.calibrations.items()
            if (held_out := calibration.fit.held_out)
        ]
        return f"<CalibratedDevice {self.profile.name}{': ' * bool(errors)}{', '.join(errors)}>"

    def _view(self, by: Any = None) -> Report:
        from mnet_cost.report.calibrate import calibration_report

        version = self.profile.runtime_version
        return calibration_report(
            self.profile.name, self.calibrations, self.unread, self.notes, version
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Validations(Result):
    """Estimates beside runs, in total and kernel by kernel."""

    networks: tuple[Validation, ...]
    """In the order in which they were asked for."""
    failures: tuple[Failure, ...] = ()
    """Networks that could not be measured, each with the reason."""

    def summary(self) -> Mapping[str, float | int | None]:
        """`median` and `mean` of the sizes of errors, `within_10`, `inside`, `noise`: shares."""
        from mnet_cost.measure.runs.validate import summary

        return summary(self.networks)

    def __repr__(self) -> str:
        shown = ", ".join(repr(each)[len("<Validation ") : -1] for each in self.networks[:3])
        more = f", {len(self.networks) - 3} more" if len(self.networks) > 3 else ""
        return f"<Validations {shown}{more}>"

    def _view(self, by: Any = None) -> Report:
        from mnet_cost.report.validation import validation_report

        return validation_report(self.networks)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Measured(Result):
    """Networks that were measured on this machine, with their analyses."""

    result: MeasuredNetworks

    @property
    def session(self) -> Session:
        """All that was measured, where, and how well."""
        return self.result.session

    @property
    def timed(self) -> tuple[Timed, ...]:
        """The time of each network, with its spread; those that could not be measured are left
        out."""
        return self.session.timed

    @property
    def analyses(self) -> tuple[Analysis, ...]:
        """The analysis of each network of `timed`."""
        return tuple(map(shown_analysis, self.result.analyses))

    def __repr__(self) -> str:
        times = [f"{each.reference} {format_seconds(each.median_s)}" for each in self.timed[:3]]
        more = ", ..." if len(self.timed) > len(times) else ""
        runtime = self.session.environment.runtime
        return f"<Measured with {runtime}: {', '.join(times) or 'nothing'}{more}>"

    def _view(self, by: Any = None) -> Report:
        from mnet_cost.report.measured import measured_report

        return measured_report(self.result)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Sweep(Result):
    """Every combination of knob values of some networks, or some networks of design spaces."""

    request: SweepRequest
    summary: Summary
    columns: Mapping[str, Any]
    """NumPy arrays, as long as there are points that hold: knobs by their names, metrics with
    their units (`latency_ms@pixel_1`), `front` and `near_tie`. What is unknown is NaN. Columns of
    words are `Words`, which NumPy takes as arrays of texts."""

    @property
    def front(self) -> list[Mapping[str, Any]]:
        """The points that no other is better than, the best by the first objective first."""
        return self.summary.front_rows

    def __repr__(self) -> str:
        names = ", ".join(network.name for network in self.request.networks)
        over = " and ".join(objective.column for objective in self.request.objectives)
        points = f"{self.summary.valid:,} of {self.request.points:,} points"
        return f"<Sweep {names}: {points}, {len(self.summary.front)} on the front of {over}>"

    def _view(self, by: Any = None) -> Report:
        from mnet_cost.report.sweep import sweep_report

        return sweep_report(self.request, self.summary)

    def write(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write all points to a `.parquet`, `.csv` or `.json` file, whole or not at all; over one
        that is there only by `force`."""
        from mnet_cost.search.sweep_files import write_sweep

        write_sweep(os.fspath(path), self.request, [self.columns], self.summary, force=force)

    def plot(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Draw the first two objectives of the points, and the front, as `.png` or `.svg`."""
        from mnet_cost.report.sweep_plot import plot_sweep
        from mnet_cost.search.sweep import evaluate

        tables = evaluate(self.request)
        plot_sweep(os.fspath(path), self.request, self.summary, tables, force=force)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Check(Result):
    """The verdicts on the budgets of some networks."""

    result: CheckResult

    @property
    def passes(self) -> bool:
        """Whether no limit fails."""
        return not self.result.failing

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        """One for each limit, network, setting and device."""
        return self.result.judgements

    @property
    def failing(self) -> list[Judgement]:
        """Those that fail."""
        return self.result.failing

    def __repr__(self) -> str:
        from mnet_cost.budgets.verdicts import VERDICTS

        counts = {verdict: len(self.result.of(verdict)) for verdict in VERDICTS}
        said = ", ".join(f"{count:,} {verdict}" for verdict, count in counts.items() if count)
        return f"<Check {said or 'nothing was checked'}>"

    def _view(self, by: Any = None) -> Report:
        from mnet_cost.report.check import check_report

        return check_report(self.result)

    def to_file(self, format: Literal["junit", "sarif", "github"]) -> str:
        """The verdicts as JUnit XML, as SARIF, or as workflow commands of GitHub."""
        from mnet_cost.report.check_files import CHECK_FORMATS, write_check

        if format not in CHECK_FORMATS:
            hint = did_you_mean(format, CHECK_FORMATS) or f"it is {', '.join(CHECK_FORMATS)}"
            raise UsageError(Problem(f"there is no file of a check `{format}`", hint=hint))
        return write_check(self.result, format)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Fit(Result):
    """The best sizes of some networks within limits."""

    result: search_fit.Fit

    @property
    def best(self) -> Size | None:
        """The best size, whose `reference` is what `analyze` takes; None where nothing fits."""
        return self.result.best

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The best sizes, best first."""
        return self.result.sizes

    @property
    def closest(self) -> Size | None:
        """What comes closest to the limits, where nothing fits."""
        return self.result.closest

    def __repr__(self) -> str:
        return f"<Fit {self._view().title}>"

    def _view(self, by: Any = None) -> Report:
        from mnet_cost.report.fit import fit_report

        return fit_report(self.result)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Drawing:
    """The architecture of a network as a figure, which notebooks show."""

    analysis: Analysis
    by: Literal["block", "layer"]
    block: str | None = None
    """The path of the block that is drawn alone; None for all of the network."""

    @property
    def svg(self) -> str:
        """The text of an SVG file."""
        from mnet_cost.drawing.files import svg_of

        return svg_of(self.analysis, self.by, self.block)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a figure (`.svg`, `.png`) or a graph (`.dot`, `.gv`, `.graphml`), whole or not at
        all."""
        from mnet_cost.drawing.files import write_drawing

        write_drawing(path, self.analysis, self.by, self.block)

    def __repr__(self) -> str:
        drawn = f" {self.block}" * bool(self.block)
        return f"<Drawing {self.analysis.network.spec.title}{drawn} by {self.by}>"

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        """The figure as an image: of a notebook that is not trusted, SVG by itself is left out."""
        from mnet_cost.drawing.files import picture_of_analysis
        from mnet_cost.drawing.svg import to_svg
        from mnet_cost.report.notebook import pictured

        picture = picture_of_analysis(self.analysis, self.by, self.block)
        return pictured(to_svg(picture), f"{picture.title}: {picture.told}")


def _explored(names: Sequence[str], analyses: Sequence[passes.Analysis]) -> ExplorerPage:
    """The page of some analyses, which have their devices and options in common."""
    from mnet_cost.explorer.explore import explore_page
    from mnet_cost.models.types import Model

    first = analyses[0]
    devices = [estimate.device for estimate in first.devices]
    notes = []
    if any(each.sparsity is not None for each in analyses):
        notes.append("zeros among the weights are not in this page: its numbers are dense")
    if any(each.schedule is not None for each in analyses):
        notes.append("the best order of layers is not in this page: it has that of the network")
    return explore_page(
        names,
        [Model(each.network.spec, dict(each.network.knobs)) for each in analyses],
        devices,
        threads=_threads_of(devices),
        runtime=_runtime_of(devices),
        precision=first.precision,
        convention=first.convention,
        lower_bound=first.gives_lower_bounds,
        references=[_reference(each.network) for each in analyses],
        notes=notes,
    )


def _reference(network: Network) -> str:
    """What leads to a network at its setting on a command line."""
    from mnet_cost.models.library import model_names
    from mnet_cost.models.types import BATCH
    from mnet_cost.search.single import word_of

    spec = network.spec
    defaults = {BATCH: 1, **{name: knob.default for name, knob in spec.knobs.items()}}
    changed = [
        f"{name}={word_of(value)}"
        for name, value in network.knobs.items()
        if value != defaults.get(name, value)
    ]
    name = spec.title if spec.title in model_names() or not spec.path else spec.path
    return f"{name}@{','.join(changed)}" if changed else name


def _threads_of(devices: Sequence[DeviceProfile]) -> int | None:
    """How many threads were asked for: another number than a shipped device has."""
    from mnet_cost.devices.choice import choose_devices
    from mnet_cost.devices.library import device_names

    for device in devices:
        if device.name in device_names():
            (shipped,) = choose_devices([device.name])
            if shipped.threads != device.threads:
                return device.threads
    return None


def _runtime_of(devices: Sequence[DeviceProfile]) -> str | None:
    """The runtime that was asked for: another one, or another version, than a shipped device
    has."""
    from mnet_cost.devices.choice import choose_devices
    from mnet_cost.devices.library import device_names

    for device in devices:
        if device.name in device_names():
            (shipped,) = choose_devices([device.name])
            if device.asked_version is not None:
                return f"{device.runtime}@{device.asked_version}"
            if shipped.runtime != device.runtime:
                return device.runtime
    return None


def shown_analysis(found: passes.Analysis) -> Analysis:
    """The same analysis, with ways to show it."""
    if isinstance(found, Analysis):
        return found
    return Analysis(**{field.name: getattr(found, field.name) for field in fields(found)})
