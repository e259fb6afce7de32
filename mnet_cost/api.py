"""What Python users call: `analyze`, `compare`, `sweep`, `fit`, `check` and so on.

Functions take names, paths or records, and call what the command line calls. Not here: their
results (`results.py`), and any arithmetic.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from mnet_cost import analysis as passes
from mnet_cost.devices.choice import Device, choose_devices
from mnet_cost.errors import ModelReferenceError, Problem, UsageError, did_you_mean
from mnet_cost.models.library import load_model
from mnet_cost.models.types import BATCH, Model, ModelSpec
from mnet_cost.network import Network, elaborate
from mnet_cost.network.parts import check_part
from mnet_cost.results import (
    Advices,
    Analysis,
    CalibratedDevice,
    Check,
    Comparison,
    Drawing,
    Fit,
    Measured,
    Reconciliation,
    Sensitivity,
    Sweep,
    Validations,
    WhatIfs,
    shown_analysis,
)

if TYPE_CHECKING:
    from mnet_cost.analysis.sparsity import Zeros
    from mnet_cost.devices import DeviceProfile
    from mnet_cost.explorer.explore import ExplorerPage
    from mnet_cost.measure.calibrate import Form
    from mnet_cost.measure.runtimes.base import Runtime

AnyModel = Model | ModelSpec | str | os.PathLike[str]
"""A reference (`mobilenet_v1@alpha=0.5`), the path of a file, or what `load_model` gives."""
_MOST_KEPT = 10_000_000
"""Points of a sweep that are kept."""


def analyze(
    model: AnyModel,
    knobs: Mapping[str, Any] | None = None,
    devices: Iterable[Device] = (),
    *,
    threads: int | None = None,
    runtime: str | None = None,
    precision: str | None = None,
    convention: str = "paper",
    schedule: str = "spec",
    sparsity: str | float | Sequence[Zeros | str] = (),
    lower_bound: bool = False,
    **settings: Any,
) -> Analysis:
    """What a network costs, and how long it takes on `devices`.

        >>> import mnet_cost
        >>> analysis = mnet_cost.analyze("mobilenet_v1", alpha=0.5, devices=["pixel_1"])
        >>> analysis.totals.mult_adds
        149497088

    `model` is a name, a path, or what `load_model` gives. Its knobs, `batch` among them, are
    keywords, or `knobs` by name; they go over those that the model brings along. `devices` are
    names, paths or profiles, and `all` stands for every shipped one; `threads` is for those that
    are processors, and so is `runtime` (`"tflite"`, `"tflite@2.16"`). `schedule="best"` looks for
    the order of layers with the least peak memory, which can take seconds. `sparsity` says which
    weights are zero: a share of all (`0.5`), a text as after `--sparsity`
    (`"conv2d 1x1=0.5:2:4"`), or a list of texts or `Zeros`. `lower_bound` gives totals although
    some layers have no cost rule.

    Raises `ModelReferenceError` for a name, knob, precision, convention or schedule that is not
    there, `SpecError` for a bad file or sizes that do not fit, `DeviceError` for a device,
    `TypeError` for what is no model, no mapping of knobs, no list of devices, or no text where a
    name is asked for.
    """
    model = _model(model)
    _check_names(convention=convention, schedule=schedule, **_given(precision=precision))
    profiles = choose_devices(devices, threads, runtime=runtime)
    values = {**model.knobs, **_settings(model, knobs, settings)}
    analysis = passes.analyze_network(
        elaborate(model.spec, values),
        profiles,
        precision=precision,
        convention=convention,
        schedule=schedule,
        sparsity=_zeros(sparsity),
    )
    return shown_analysis(analysis.with_lower_bounds() if lower_bound else analysis)


def draw(
    model: AnyModel | Analysis,
    knobs: Mapping[str, Any] | None = None,
    devices: Iterable[Device] = (),
    *,
    by: Literal["block", "layer"] | None = None,
    block: str | None = None,
    **options: Any,
) -> Drawing:
    """The architecture of a network as a figure: boxes with shapes and costs.

        >>> import mnet_cost
        >>> drawing = mnet_cost.draw("mobilenet_v1", devices=["pixel_1"])
        >>> drawing.write("mobilenet_v1.svg")

    A box is a block with its copies, or a layer. `block` is the path of a block to draw alone, with
    its layers; of copies the first. Times are those of the first device. `model` is as in
    `analyze`, or an analysis that is there already; `options` are those of `analyze`. Notebooks
    show the figure. Raises `ModelReferenceError` for a block that is not there, else as `analyze`.
    """
    by = by or ("block" if block is None else "layer")
    if by not in ("block", "layer"):
        hint = did_you_mean(str(by), ("block", "layer")) or "there are `block` and `layer`"
        raise UsageError(Problem(f"no figure has a box for each `{by}`", hint=hint))
    if not isinstance(model, passes.Analysis):
        model = analyze(model, knobs, devices, **options)
    elif knobs or devices or options:
        raise TypeError("an analysis has its knobs, devices and options already")
    if block is not None:
        _check_names(block=block)
        check_part(model.network, block)
    return Drawing(analysis=shown_analysis(model), by=by, block=block)


def analyze_network(
    network: Network, devices: Sequence[DeviceProfile] = (), **options: Any
) -> Analysis:
    """`analyze` of a network that is elaborated; `options` are precision, convention, schedule and
    sparsity."""
    return shown_analysis(passes.analyze_network(network, devices, **options))


def compare(
    *models: AnyModel | Analysis,
    knobs: Mapping[str, Any] | None = None,
    devices: Iterable[Device] = (),
    threads: int | None = None,
    runtime: str | None = None,
    precision: str | None = None,
    convention: str = "paper",
    lower_bound: bool = False,
    **settings: Any,
) -> Comparison:
    """Two networks or more side by side: totals, times, and why their ratios differ.

        >>> import mnet_cost
        >>> mnet_cost.compare("full", "separable", alpha=0.5)
        <Comparison full 1.220 G vs separable 149.5 M mult-adds>

    `models` are as in `analyze`, or analyses that are there already. A knob goes to every network
    that has it; the other arguments are those of `analyze`.
    """
    from mnet_cost.search.networks import with_knobs

    if len(models) == 1 and isinstance(models[0], (list, tuple)):
        raise TypeError("networks are given one after another: compare(*networks)")
    if len(models) < 2:
        raise TypeError(f"a comparison needs two networks, not {len(models)}")
    _check_names(convention=convention, **_given(precision=precision))
    plain = [_model(model) for model in models if not isinstance(model, passes.Analysis)]
    values = {**_mapping(knobs), **_no_options(settings, plain)}
    ready = iter(with_knobs(plain, values) if plain or values else ())
    profiles = choose_devices(devices, threads, runtime=runtime)
    analyses = [
        shown_analysis(model)
        if isinstance(model, passes.Analysis)
        else analyze(next(ready), devices=profiles, precision=precision, convention=convention)
        for model in models
    ]
    if lower_bound:
        analyses = [analysis.with_lower_bounds() for analysis in analyses]
    return Comparison(names=tuple(map(_name, models)), analyses=tuple(analyses))


def explore(
    *models: AnyModel,
    knobs: Mapping[str, Any] | None = None,
    devices: Iterable[Device] = (),
    threads: int | None = None,
    runtime: str | None = None,
    precision: str | None = None,
    convention: str = "paper",
    lower_bound: bool = False,
    **settings: Any,
) -> ExplorerPage:
    """A page with sliders about one network or several: one HTML file, which needs no server.

        >>> import mnet_cost
        >>> mnet_cost.explore("lenet5", devices=["pixel_1"]).write("lenet5.html")

    At each setting of its sliders it has the numbers of `analyze`. A knob goes to every network
    that has it; the other arguments are those of `analyze`. `lower_bound` gives totals although
    some layers have no cost rule. Raises what `analyze` raises.
    """
    from mnet_cost.explorer.explore import explore_page

    if not models:
        raise TypeError("there is no network to explore")
    if len(models) == 1 and isinstance(models[0], (list, tuple)):
        raise TypeError("networks are given one after another: explore(*networks)")
    _check_names(convention=convention, **_given(precision=precision))
    plain = [_model(model) for model in models]
    return explore_page(
        [_name(model) for model in models],
        plain,
        choose_devices(devices, threads, runtime=runtime),
        {**_mapping(knobs), **_no_options(settings, plain)},
        threads=threads,
        runtime=runtime,
        precision=precision,
        convention=convention,
        lower_bound=lower_bound,
    )


def sweep(
    *models: AnyModel,
    knobs: Mapping[str, Any] | None = None,
    devices: Iterable[Device] = (),
    threads: int | None = None,
    runtime: str | None = None,
    precision: str | Sequence[str] | None = None,
    convention: str = "paper",
    metrics: Sequence[str] | None = None,
    pareto: str | None = None,
    lower_bound: bool = False,
    limits: str | Sequence[str] = (),
    sample: int | None = None,
    search: str | None = None,
    evaluations: int | None = None,
    seed: int | None = None,
    storage: str | None = None,
    **axes: Any,
) -> Sweep:
    """Every combination of values of knobs: what each costs, and which no other is better than.

        >>> import mnet_cost
        >>> mnet_cost.sweep("mobilenet_v1", alpha="0.25:1.0:0.25", resolution=[128, 224])
        <Sweep mobilenet_v1: 8 of 8 points, 8 on the front of mult_adds and top1>

    Values are as after `--alpha` (`"0.25:1.0:0.01"`), a list, or one. A knob goes to every network
    that has it. `metrics` are those to calculate, all without it, and `pareto` those of the front
    (`"top1,latency@pixel_1"`, `"mult_adds:more,latency"`); only points within `limits`
    (`"latency@pixel_1<=20ms"`) are on it. All points are kept in memory: more than 10 million are
    for the command line, with `-o`.

    With `sample` models are design spaces, of which so many random networks are evaluated; with
    `search` (`"evolution"`, `"optuna"` or `"exact"`) those that a search looks at, `evaluations` of
    them. A choice of a block that is left out is NaN:

        >>> mnet_cost.sweep("ofa_mobilenet_v3", sample=1000, seed=1, pareto="mult_adds:more,params")
        <Sweep ofa_mobilenet_v3: 1,000 of 1,000 points, 14 on the front of mult_adds and params>

    Needs NumPy. Raises `UsageError` for what cannot be, else as `analyze`.
    """
    from mnet_cost.metrics import named
    from mnet_cost.torch_model.installed import require

    require("numpy", "sweep")
    from mnet_cost.search.ranges import given_values
    from mnet_cost.search.selection import plan_selection
    from mnet_cost.search.summary import Summary
    from mnet_cost.search.sweep import joined, sweep_tables
    from mnet_cost.search.sweep_request import plan_sweep

    plain = tuple(map(_model, models))
    values = {**_mapping(knobs), **_no_options(axes, plain)}
    request = plan_sweep(
        tuple(map(_name, models)),
        plain,
        {name: given_values(value, name) for name, value in values.items()},
        choose_devices(devices, threads, runtime=runtime),
        precisions=_precisions(precision),
        convention=convention,
        metrics=None if metrics is None else named(metrics),
        objectives=pareto,
        lower_bound=lower_bound,
        limits=_limits(limits),
        selection=plan_selection(
            sample=sample, search=search, evaluations=evaluations, seed=seed, storage=storage
        ),
    )
    if search is not None:
        from mnet_cost.search.space_search import search_spaces

        request = search_spaces(request)
    if request.points > _MOST_KEPT:
        raise UsageError(
            Problem(
                f"{request.points:,} points are too many to keep in memory",
                hint="`mnet-cost sweep ... -o points.parquet` writes them as they come",
            )
        )
    summary = Summary(request)
    columns = joined(request, list(sweep_tables(request, summary)))
    return Sweep(request=request, summary=summary, columns=columns)


def check(
    *models: str | os.PathLike[str],
    budgets: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    limits: str | Sequence[str] = (),
    devices: Iterable[Device] = (),
    precision: str | None = None,
    fail_on: str = "over",
    baseline: str | os.PathLike[str] | None = None,
    tolerance: str | None = None,
) -> Check:
    """Whether networks are within their budgets, and what makes them too dear.

        >>> import mnet_cost
        >>> mnet_cost.check("mobilenet_v1", limits=["params<=4.3M", "mult_adds<=500M"])
        <Check 1 over, 1 within>

    `models` are names and paths, and files of budgets stand for all that they name. Their budgets
    are those of `limits` (on `devices` and at `precision`) and of the files `budgets`; without
    both, those in the specs, beside and above them. `fail_on` names verdicts that fail besides
    `over` (`"undecided,warn"`); nothing does by `"never"`. With a `baseline` (`"git:main"`, or a
    file that was written before) no number may be larger than there by more than its `tolerance`
    (`"mult_adds=2%,latency=5%"`).

    Raises `BudgetError` for a budget that cannot be checked, else as `analyze`.
    """
    from mnet_cost.budgets.check import check_budgets, read_tolerances
    from mnet_cost.budgets.entries import typed_budgets
    from mnet_cost.budgets.files import plan_checks, refuse_nothing, refuse_unused
    from mnet_cost.budgets.verdicts import failing_verdicts

    _check_names(fail_on=fail_on, **_given(precision=precision))
    files = [budgets] if isinstance(budgets, (str, os.PathLike)) else budgets
    texts = [limits] if isinstance(limits, str) else list(limits)
    profiles = choose_devices(devices)
    named = None if baseline is None else os.fspath(baseline)
    refuse_unused(texts, profiles, precision, named)
    typed = typed_budgets(texts, profiles, _precisions(precision) or ()) if texts else []
    fails = failing_verdicts(fail_on)
    tolerances = read_tolerances(tolerance, named)
    plan = plan_checks(
        list(map(_path, models)), [os.fspath(file) for file in files], typed,
        devices=None if named is None else profiles, precision=precision,
    )  # fmt: skip
    refuse_nothing(plan)
    return Check(result=check_budgets(plan, fails, named, tolerances, tolerance))


def _path(model: str | os.PathLike[str]) -> str:
    """The text that names a model; a path object is a file, whatever it is called."""
    from mnet_cost.models.library import is_path

    text = os.fspath(model)
    return text if isinstance(model, str) or is_path(text) else os.path.join(os.curdir, text)


def fit(
    *models: AnyModel,
    knobs: Mapping[str, Any] | None = None,
    devices: Iterable[Device] = (),
    threads: int | None = None,
    runtime: str | None = None,
    precision: str | Sequence[str] | None = None,
    limits: str | Sequence[str] = (),
    maximize: str | None = None,
    minimize: str | None = None,
    confidence: float | None = None,
    top: int = 5,
    lower_bound: bool = False,
    **axes: Any,
) -> Fit:
    """The best size of some networks within limits: the exact best of all settings of knobs.

        >>> import mnet_cost
        >>> mnet_cost.fit("mobilenet_v1", limits=["mult_adds<=150M", "params<=2M"])
        <Fit mobilenet_v1@alpha=0.5,resolution=224: the best of 64 sizes>

    A knob has the values of `axes` or `knobs`, as in `sweep`, else those between the values that
    the spec calls published. `limits` are as after `--limit`, and memories of `devices` are limits.
    The best has the most of what `maximize` names, a metric or a knob, or the least of `minimize`:
    without them the most of an accuracy where one is published, else of mult-adds. With
    `confidence=0.9`, 9 of 10 measured times and energies are to be within the limits.

    Needs NumPy. Raises `UsageError` for what cannot be, else as `analyze`.
    """
    from mnet_cost.torch_model.installed import require

    require("numpy", "sweep")
    for name, word in (("maximize", maximize), ("minimize", minimize)):
        if word is not None:
            _check_names(**{name: word})
    if isinstance(top, bool) or not isinstance(top, int):
        raise TypeError(f"top is a whole number, not {top!r}")
    if confidence is not None and (isinstance(confidence, bool)
                                   or not isinstance(confidence, (int, float))):  # fmt: skip
        raise TypeError(f"a confidence is a number such as 0.9, not {confidence!r}")
    from mnet_cost.search.fit import find_fit
    from mnet_cost.search.fit_request import plan_fit
    from mnet_cost.search.ranges import given_values

    plain = tuple(map(_model, models))
    values = {**_mapping(knobs), **_no_options(axes, plain)}
    request = plan_fit(
        tuple(map(_name, models)),
        plain,
        {name: given_values(value, name) for name, value in values.items()},
        choose_devices(devices, threads, runtime=runtime),
        precisions=_precisions(precision),
        limits=_limits(limits),
        maximize=maximize,
        minimize=minimize,
        confidence=confidence,
        top=top,
        lower_bound=lower_bound,
    )
    return Fit(result=find_fit(request))


def sensitivity(
    model: AnyModel | Analysis,
    layer: str | None = None,
    *,
    knobs: Mapping[str, Any] | None = None,
    devices: Iterable[Device] = (),
    **settings: Any,
) -> Sensitivity:
    """What a channel less or more changes in each metric, for each group of layers.

        >>> import mnet_cost
        >>> mnet_cost.sensitivity("mobilenet_v1", devices=["pixel_1"])
        <Sensitivity mobilenet_v1: 15 groups of layers>

    `layer` is the path of a layer or block to look at alone. `model`, `devices` and all other
    arguments are those of `analyze`, except for `schedule` and `sparsity`; or `model` is an
    analysis. Raises `ModelReferenceError` for a layer that is not there, and `UsageError` where it
    would take too long, else as `analyze`.
    """
    from mnet_cost.changes.sensitivity import find_sensitivities

    if isinstance(model, passes.Analysis):
        analysis = shown_analysis(model)
    else:
        analysis = analyze(model, knobs, devices, **settings)
    return Sensitivity(analysis=analysis, result=find_sensitivities(analysis, layer))


def advise(
    model: AnyModel | Analysis,
    knobs: Mapping[str, Any] | None = None,
    devices: Iterable[Device] = (),
    *,
    count: int = 3,
    lower_bound: bool = False,
    **settings: Any,
) -> Advices:
    """The `count` changes of a network with the most to gain on the first of `devices`.

        >>> import mnet_cost
        >>> mnet_cost.advise("mobilenet_v1", devices=["pixel_1"], count=2).advice[1].change
        'alpha 0.75 instead of 1'

    Each is analyzed: knobs one step down, variants, precisions, an order of layers with less
    memory, and changes of lines of the spec. `model` may be an analysis; the other arguments are
    those of `analyze`, except for `sparsity`. With `lower_bound` there is advice although layers
    have no cost rule.
    Raises `UsageError` without a device or a time on it, else as `analyze`.
    """
    from mnet_cost.changes.advice import find_advice

    if isinstance(model, passes.Analysis):
        analysis = shown_analysis(model)
    else:
        analysis = analyze(model, knobs, devices, **settings)
    if lower_bound:
        analysis = analysis.with_lower_bounds()
    return Advices(analysis=analysis, result=find_advice(analysis, count))


def reconcile(
    model: AnyModel,
    numbers: str | float | Mapping[str, Any] | Sequence[Any],
    knobs: Mapping[str, Any] | None = None,
    *,
    lower_bound: bool = False,
    **settings: Any,
) -> Reconciliation:
    """Why a tool or a paper prints another number of mult-adds, cause by cause.

        >>> import mnet_cost
        >>> mnet_cost.reconcile("mobilenet_v1", {"thop": 588962304})
        <Reconciliation mobilenet_v1: thop=588962304 is what thop counts>

    `numbers` are by the name of a tool (`{"thop": 588962304}`), or a number, a text as printed
    (`"0.57G"`), or a list of them. Knobs are as in `analyze`. Raises `UsageError` for what is no
    number or tool, and for a network with layers of unknown work unless with `lower_bound`, else as
    `analyze`.
    """
    from mnet_cost.reconciliation.figures import read_figure
    from mnet_cost.reconciliation.search import reconcile_network

    figures = [read_figure(text) for text in _numbers(numbers)]
    model = _model(model)
    values = {**model.knobs, **_settings(model, knobs, settings)}
    result = reconcile_network(elaborate(model.spec, values), figures)
    if result.unmodelled and not lower_bound:
        listed = ", ".join(result.unmodelled[:5])
        hint = "`lower_bound=True` compares with the sum of the rest"
        raise UsageError(Problem(f"no total: the cost of {listed} is unknown", hint=hint))
    return Reconciliation(result=result)


_MOST_BITS = 1024
"""Larger whole numbers are not written out: Python refuses to, of some thousand digits."""


def _numbers(numbers: str | float | Mapping[str, Any] | Sequence[Any]) -> list[str]:
    """Texts as after `--with`."""
    every = numbers if isinstance(numbers, (Mapping, list, tuple)) else [numbers]
    if not every:
        raise TypeError("numbers are what others print: at least one")
    if isinstance(every, Mapping):
        return [f"{name}={_number(number)}" for name, number in every.items()]
    return [_number(number) for number in every]


def _number(number: object) -> str:
    """A number as it is printed; floats, which some tools give, with all their digits."""
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, float) and not isfinite(number):
        return str(number)
    if isinstance(number, int) and number.bit_length() > _MOST_BITS:
        return f"{'-' * (number < 0)}1e{number.bit_length() * 3 // 10}"  # refused as too large
    if isinstance(number, (str, int)) and not isinstance(number, bool):
        return str(number)
    raise TypeError(f'a number is 588962304 or a text such as "0.57G", not {number!r}')


def what_if(analysis: Analysis, changes: str) -> WhatIfs:
    """The devices of `analysis` with other numbers, beside the real ones.

        >>> import mnet_cost
        >>> analysis = mnet_cost.analyze("mobilenet_v1", devices=["pixel_1"])
        >>> (phone,) = mnet_cost.what_if(analysis, "bandwidth=x2").devices
        >>> phone.after.latency_s < phone.before.latency_s
        True

    `changes` are as after `--what-if`: `bandwidth=x2,l2=1MiB`. Raises `DeviceError` where they do
    not suit a device.
    """
    from mnet_cost.changes.what_if import compare_what_if, parse_changes

    if not isinstance(analysis, passes.Analysis):
        raise TypeError(f"what_if needs what analyze gives, not {type(analysis).__name__}")
    if not isinstance(changes, str):
        raise TypeError(f'changes are a text such as "bandwidth=x2", not {changes!r}')
    comparisons = compare_what_if(analysis, parse_changes(changes))
    return WhatIfs(analysis=shown_analysis(analysis), devices=comparisons)


def calibrate(
    measurements: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    device: str | os.PathLike[str] | None = None,
    models: Iterable[str] = (),
    where: Mapping[str, str] | None = None,
    form: Form = "auto",
    basis: str = "calibrated",
    kernels: Iterable[str] | None = None,
    tile: int | None = None,
    name: str | None = None,
    title: str | None = None,
    device_class: str | None = None,
) -> CalibratedDevice:
    """A device profile from CSV files of measured times, with its error on what is held out.

        profile = mnet_cost.calibrate("times.csv", device="raspberry_pi_4").profile
        mnet_cost.analyze("mobilenet_v2", devices=[profile])

    A file may be what another tool printed, whose networks `models` names: `["mobilenet_v1"]`.
    `device` is the profile whose peaks, memory and power hold; `where` takes rows by values of
    columns; the rest are the options of `mnet-cost calibrate`. Needs NumPy. Raises
    `MeasurementError` for rows that cannot be or are too few.
    """
    from mnet_cost.torch_model.installed import require

    require("numpy", "numpy")
    from mnet_cost.devices.load import parse_device
    from mnet_cost.measure.request import CalibrationRequest, calibrate_files

    paths = [measurements] if isinstance(measurements, (str, os.PathLike)) else measurements
    calibrated = calibrate_files(
        CalibrationRequest(
            measurements=tuple([os.fspath(path) for path in paths]),
            device=None if device is None else _device_reference(device),
            models=tuple(models),
            where=dict(where or {}),
            form=form,
            basis=basis,
            kernels=None if kernels is None else tuple(kernels),
            tile=tile,
            name=name,
            title=title,
            device_class=device_class,
        )
    )
    return CalibratedDevice(
        profile=parse_device(calibrated.text, "-"),
        text=calibrated.text,
        calibrations=calibrated.calibrations,
        unread=calibrated.unread,
        notes=calibrated.notes,
    )


def validate(
    *models: AnyModel,
    runtime: str | Runtime | None = None,
    device: Device | None = None,
    knobs: Mapping[str, Any] | None = None,
    threads: int = 1,
    precision: str | None = None,
    on: str = "cpu",
    rounds: int | None = None,
    seconds: float = 0.5,
    pin: str | None = None,
    patient: bool = False,
    memory: bool = False,
    energy: str | None = None,
    record: str | os.PathLike[str] | None = None,
    recorded: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    **settings: Any,
) -> Validations:
    """The estimate of `device` beside a run under `runtime`, in total and kernel by kernel.

        found = mnet_cost.validate("mobilenet_v1", runtime="onnxruntime", device="this.yaml")
        found.networks[0].error, [kernel.name for kernel in found.networks[0].worst[:3]]

    The other arguments are those of `measure_networks`. `record` is a file that the runs are
    written to; files that are `recorded` are looked at in the place of measuring, and `models` are
    then those of them that are meant. Without a `device` kernels are joined to layers, and there is
    no estimate. Raises as `measure_networks`; networks that cannot run are `failures`.
    """
    from mnet_cost.measure.runs.request import plan_measure
    from mnet_cost.measure.runs.validation_request import (
        ValidationRequest,
        one_profile,
        validate_request,
    )

    files = [recorded] if isinstance(recorded, (str, os.PathLike)) else [*recorded]
    if files:
        asked = {
            "runtime": runtime, "record": record, "precision": precision, "rounds": rounds,
            "pin": pin, "energy": energy, "threads": threads != 1, "on": on != "cpu",
            "seconds": seconds != 0.5, "patient": patient, "memory": memory,
        }  # fmt: skip
        for name, given in asked.items():
            if given not in (None, False):
                raise UsageError(f"recorded runs are not measured again: leave out `{name}`")
    if not files and not models:
        raise TypeError("there is no network to measure")
    profile = None if device is None else one_profile(device)
    networks = _by_reference(models, knobs, settings)
    measuring = None
    if not files:
        measuring = plan_measure(
            networks,
            runtime=runtime,
            threads=threads,
            precision=precision,
            on=on,
            rounds=rounds,
            seconds=seconds,
            pin=pin,
            patient=patient,
            memory=memory,
            energy=energy,
        )
    found = validate_request(
        ValidationRequest(
            measuring=measuring,
            recorded=[os.fspath(path) for path in files],
            models=networks if files else {},
            device=profile,
            record=None if record is None else os.fspath(record),
        )
    )
    return Validations(networks=found.validations, failures=found.failures)


def _by_reference(
    models: Sequence[AnyModel], knobs: Mapping[str, Any] | None, settings: Mapping[str, Any]
) -> dict[str, Model]:
    """Networks with their knobs, by what names them in results."""
    from mnet_cost.measure.runs.request import reference_of
    from mnet_cost.search.networks import with_knobs

    if len(models) == 1 and isinstance(models[0], (list, tuple)):
        raise TypeError("networks are given one after another: (*networks)")
    plain = [_model(model) for model in models]
    values = {**_mapping(knobs), **_no_options(settings, plain)}
    ready = with_knobs(plain, values)
    return {
        reference_of(model, name if isinstance(name, str) else None): model
        for name, model in zip(models, ready, strict=True)
    }


def measure_networks(
    *models: AnyModel,
    runtime: str | Runtime,
    knobs: Mapping[str, Any] | None = None,
    devices: Iterable[Device] = (),
    threads: int = 1,
    precision: str | None = None,
    on: str = "cpu",
    rounds: int | None = None,
    seconds: float = 0.5,
    minutes: float | None = None,
    pin: str | None = None,
    patient: bool = False,
    reference: str | None = None,
    memory: bool = False,
    energy: str | None = None,
    output: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> Measured:
    """How long networks take on this machine, beside what is estimated for `devices`.

        measured = mnet_cost.measure_networks("mobilenet_v1", runtime="onnxruntime", alpha=0.5)
        measured.timed[0].median_s, measured.session.noise

    `runtime` is the name of an installed one, or an adapter. The other arguments are the options of
    `mnet-cost measure`; rows are added to the CSV file `output`. KeyboardInterrupt ends it early,
    with what was measured until then (`measured.session.interrupted`); networks that cannot run are
    `measured.session.failures`. Raises `MissingPackageError` for a runtime that is not installed,
    `UsageError` for what cannot be, else as `analyze`.
    """
    from mnet_cost.measure.runs.request import measure_request, plan_measure

    if not models:
        raise TypeError("there is no network to measure")
    request = plan_measure(
        _by_reference(models, knobs, settings),
        runtime=runtime,
        threads=threads,
        precision=precision,
        on=on,
        rounds=rounds,
        seconds=seconds,
        minutes=minutes,
        pin=pin,
        patient=patient,
        reference=reference,
        memory=memory,
        energy=energy,
        devices=devices,
        output=None if output is None else os.fspath(output),
    )
    return Measured(result=measure_request(request))


def _device_reference(device: str | os.PathLike[str]) -> str:
    """The text that names a device; a path object is a file, whatever it is called."""
    from mnet_cost.devices.load import is_device_path

    text = os.fspath(device)
    if isinstance(device, str) or is_device_path(text):
        return text
    return os.path.join(os.curdir, text)


def _model(model: AnyModel) -> Model:
    if isinstance(model, Model):
        return model
    if isinstance(model, ModelSpec):
        return Model(model, {})
    if isinstance(model, (str, os.PathLike)):
        return load_model(model)
    raise TypeError(f"a model is a name, a path or what load_model gives, not {model!r}")


def _name(model: AnyModel | passes.Analysis) -> str:
    """What a network is called in a comparison."""
    if isinstance(model, passes.Analysis):
        return model.network.spec.title
    if isinstance(model, (Model, ModelSpec)):
        return (model.spec if isinstance(model, Model) else model).title
    return os.fspath(model)


def _mapping(knobs: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if knobs is None:
        return {}
    if not isinstance(knobs, Mapping):
        raise TypeError(f'knobs are a mapping such as {{"alpha": 0.5}}, not {knobs!r}')
    return knobs


def _given(**names: object) -> dict[str, object]:
    """The names that are given."""
    return {what: name for what, name in names.items() if name is not None}


def _precisions(asked: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """The precisions that are asked for; None where each network has its own."""
    return (asked,) if isinstance(asked, str) else None if asked is None else tuple(asked)


def _check_names(**names: object) -> None:
    """Raise `TypeError` for a name that is no text."""
    for what, name in names.items():
        if not isinstance(name, str):
            raise TypeError(f"the {what} is a name, not {name!r}")


def _limits(limits: str | Sequence[str]) -> tuple[str, ...]:
    if isinstance(limits, str):
        return (limits,)
    if not isinstance(limits, Iterable) or not all(isinstance(text, str) for text in limits):
        raise TypeError(f'limits are texts such as "params<=2M", not {limits!r}')
    return tuple(limits)


def _zeros(sparsity: str | float | Sequence[Zeros | str]) -> tuple[Zeros, ...]:
    """What `sparsity` says, as rules."""
    from mnet_cost.analysis.sparsity import Zeros, parse_zeros

    if isinstance(sparsity, (str, int, float)) and not isinstance(sparsity, bool):
        return parse_zeros([str(sparsity)])
    if isinstance(sparsity, Sequence) and all(isinstance(rule, (str, Zeros)) for rule in sparsity):
        if all(isinstance(rule, str) for rule in sparsity):
            return parse_zeros([str(rule) for rule in sparsity])
        return tuple(
            rule if isinstance(rule, Zeros) else parse_zeros([rule])[0] for rule in sparsity
        )
    raise TypeError(
        f'sparsity is a share, a text such as "0.5:2:4", or a list of them, not {sparsity!r}'
    )


_OPTIONS = (
    "devices", "threads", "runtime", "precision", "convention", "schedule", "sparsity",
    "lower_bound",
)  # fmt: skip
_ELSEWHERE = {
    "by": '`report(by="layer")` of the result has other rows',
    "format": '`report(format="json")` of the result is its text',
    "output": '`report(format="html")` of the result is a text to write',
    "notes": '`report(format="json")` of the result has all notes',
    "what_if": '`mnet_cost.what_if(analysis, "bandwidth=x2")` compares',
    "advise": "`mnet_cost.advise(model, devices=[...])` looks for changes",
    "training": "`mnet-cost analyze --training` has what a training step costs",
    "watch": "`mnet-cost analyze --watch` looks at files",
    "plot": "`plot(path)` of the result draws it",
    "diff": "`diff` of the result says what differs",
    "set": '`knobs={"name": value}` sets a knob whose name is no keyword',
}
"""Options of the command line that are no keywords, and what is there in Python instead."""


def _no_options(settings: Mapping[str, Any], models: Sequence[Model]) -> Mapping[str, Any]:
    """Keywords that are knobs; `UsageError` for an option of the command line that is none."""
    for name in settings:
        if name in _ELSEWHERE and not any(name in model.spec.knobs for model in models):
            raise UsageError(Problem(f"there is no keyword `{name}`", hint=_ELSEWHERE[name]))
    return settings


def _settings(
    model: Model, knobs: Mapping[str, Any] | None, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Knobs from both places, each known to the model."""
    given = _mapping(knobs)
    for name in _no_options(settings, [model]):
        if name in given:
            raise TypeError(f"the knob `{name}` is given twice: as a keyword and in `knobs`")
        known = (*model.spec.knobs, BATCH)
        if name not in known:
            hint = did_you_mean(name, (*known, *_OPTIONS))
            raise ModelReferenceError(
                Problem(
                    f"{model.spec.title} has no knob `{name}`",
                    hint=hint or "it has " + ", ".join(f"`{knob}`" for knob in known),
                )
            )
    return {**given, **settings}
