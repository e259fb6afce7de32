"""Which budgets are about which networks: in specs, in files beside them, and on a command line.

A MODEL is checked against the budgets of `--budget` and `--limit` where those are there, else
against its own, else against those of the nearest `budget.yaml`, beside it or above it in its
repository, that name it. A MODEL that is a file of budgets stands for all that it names. A MODEL
without a variant stands for its file: budgets of all its variants are checked. Not here: what
entries say (`entries.py`), and verdicts (`check.py`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from mnet_cost.analysis.work import settle_precision
from mnet_cost.budgets.entries import Budget, Devices, at_node, read_budgets
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import (
    BudgetError,
    MnetCostError,
    ModelReferenceError,
    Problem,
    SpecError,
    TooManyProblemsError,
    UsageError,
    did_you_mean,
)
from mnet_cost.filekinds import BUDGETS, MODEL, kind_of, mistaken
from mnet_cost.files import open_file
from mnet_cost.models.budgets import MAX_BUDGETS, SECTION, changing_variant, own_budgets
from mnet_cost.models.library import (
    is_path,
    is_revision,
    load_model,
    model_names,
    model_path,
    owner_of,
    path_beside,
    refuse_all_foreign,
    shipped_hint,
    split_reference,
)
from mnet_cost.models.load import compile_spec
from mnet_cost.models.problems import Problems, all_of, key_hint, meant_by, shown
from mnet_cost.models.types import BATCH, ModelSpec
from mnet_cost.network import elaborate
from mnet_cost.network.knobs import knob_values
from mnet_cost.network.parts import PartError, check_part
from mnet_cost.paths import is_yaml, naming, real_path
from mnet_cost.yamlfile import MAX_BYTES, Node, read_yaml

FILE_NAME = "budget.yaml"
"""The file of budgets that is read where nobody names one."""

FORMAT = 1
_TOP = ("format", SECTION)
_NO_KNOBS: Mapping[str, Any] = MappingProxyType({})
_SINGULAR = "budget"
_OUR_KEYS = re.compile(r"^(?:layers|extends|budgets)\s*:", re.MULTILINE)
_OUR_FORMAT = re.compile(r"^format\s*:\s*1\s*$", re.MULTILINE)


class PlannedBudget(NamedTuple):
    """A budget with the network that it is about."""

    budget: Budget
    spec: ModelSpec
    knobs: Mapping[str, Any]
    """Those that the reference to the network sets, where the budget does not."""

    @property
    def fixed(self) -> dict[str, Any]:
        """The knobs that have one value."""
        at = self.budget.at
        return {**self.knobs, **{knob: at[knob][0] for knob in at if len(at[knob]) == 1}}

    @property
    def axes(self) -> dict[str, tuple[Any, ...]]:
        """The knobs that have several values."""
        return {knob: tuple(values) for knob, values in self.budget.at.items() if len(values) > 1}

    @property
    def precisions(self) -> tuple[str, ...]:
        """Those of the budget, else the one of the network."""
        return self.budget.precisions or (settle_precision(self.spec, None).name,)

    def placed(self, error: MnetCostError) -> list[Problem]:
        """The problems of an error that it causes, at its place: at its part, or at its knob where
        it sets one."""
        node = self.budget.node
        if isinstance(error, PartError):
            node = self.budget.place("part")
        elif len(self.budget.at) == 1:
            node = self.budget.place(*self.budget.at)
        return at_node(error, node)


class Plan(NamedTuple):
    """What is to be checked."""

    budgets: tuple[PlannedBudget, ...]
    without: tuple[str, ...] = ()
    """Models for which there is no budget."""
    skipped: tuple[str, ...] = ()
    """Files that are neither a model nor budgets."""


class _Place(NamedTuple):
    """The file, the variant and the knobs that a reference names."""

    path: str
    variant: str | None
    knobs: Mapping[str, Any]


class _Wanted(NamedTuple):
    """A MODEL: its place, or the spec where it is in no file of its own."""

    reference: str
    place: _Place
    is_library: bool
    spec: ModelSpec | None = None


def plan_checks(
    models: Sequence[str],
    files: Sequence[str] = (),
    typed: Sequence[Budget] = (),
    *,
    skip_others: bool = False,
    devices: Sequence[DeviceProfile] | None = None,
    precision: str | None = None,
) -> Plan:
    """The budgets of `models`, of `files` of budgets, and those that were `typed`.

    Without models, all that the files name; without both, what `budget.yaml` names in the working
    directory. `skip_others` leaves out files that are neither a model nor budgets. With `devices`,
    models without a budget are looked at on these and at `precision`, for a baseline. Raises
    `BudgetError` with all problems of the budgets, else as `load_model`.
    """
    planner = _Planner()
    skipped: list[str] = []
    wanted: list[_Wanted] = []
    without: list[_Wanted] = []
    with suppress(TooManyProblemsError):
        for reference in models:
            if skip_others and planner.is_other(reference):
                skipped.append(reference)
            elif (path := planner.budget_path(reference)) is not None:
                planner.add_file(path)
            else:
                wanted.append(planner.wanted(reference))
        if typed and not wanted:
            hint = "mnet-cost check mobilenet_v1 --limit 'params<=4.3M'"
            raise UsageError(Problem("a limit needs a network to check", hint=hint))
        for path in () if wanted else _files_alone(files, bool(models)):
            planner.add_file(path)
        for model in wanted:
            if planner.add_model(model, files, typed):
                continue
            if devices is not None:
                planner.add_without_limits(model, devices, precision)
            else:
                without.append(model)
    planner.refuse_problems()
    specs = [planned.spec for planned in planner.planned.values()]
    checked = {(real_path(spec.path), of) for spec in specs for of in (spec.variant, None)}
    unchecked = [model.reference for model in without
                 if (real_path(model.place.path), model.place.variant) not in checked]  # fmt: skip
    return Plan(tuple(planner.planned.values()), tuple(unchecked), tuple(skipped))


def refuse_nothing(plan: Plan) -> None:
    """`UsageError` for a plan without budgets: who asks for a check has mistyped something."""
    if not plan.budgets:
        hint = f"`budgets:` in the spec, a file {FILE_NAME} beside or above it, --budget FILE or "
        raise UsageError(Problem("nothing was checked", hint=f"{hint}--limit"))


def refuse_unused(
    limits: Sequence[str],
    devices: Sequence[DeviceProfile],
    precision: str | None,
    baseline: str | None,
) -> None:
    """`UsageError` for devices and a precision where there is nothing that they are for."""
    if limits or baseline is not None:
        return
    for option, key in (("--device", devices), ("--precision", precision)):
        if key:
            hint = f"in a file, `{option[2:]}:` says where a budget holds"
            raise UsageError(Problem(f"{option} is for the limits of --limit", hint=hint))


def _files_alone(files: Sequence[str], are_named: bool) -> Sequence[str]:
    """The files of budgets that are checked whole, since no network is named: those of `--budget`,
    else the one of the working directory, unless the arguments are files of budgets."""
    if files or are_named:
        return files
    if not os.path.exists(FILE_NAME):
        hint = f"name a spec or a file of budgets; without, {FILE_NAME} is read"
        raise UsageError(Problem(f"there is nothing to check, and no {FILE_NAME}", hint=hint))
    return (FILE_NAME,)


class _Planner:
    """Reads files once, compiles each variant once, and collects problems."""

    def __init__(self) -> None:
        self.planned: dict[tuple[Any, ...], PlannedBudget] = {}
        self._problems: dict[str, Problems] = {}
        """By the file that they are in."""
        self._roots: dict[Path, Node] = {}
        self._specs: dict[tuple[Path, str | None], ModelSpec] = {}
        self._budgets: dict[Path, list[Budget]] = {}
        self._names = frozenset(model_names())
        self._devices: Devices = {}
        self._limited: dict[tuple[Any, ...], Node | None] = {}

    def refuse_problems(self) -> None:
        """`BudgetError` where there are problems, with those of settings that cannot be."""
        if any(self._problems.values()):
            self._check_settings()
        problems = [problem for each in self._problems.values() for problem in each.in_order()]
        if problems:
            raise BudgetError(problems)

    def _check_settings(self) -> None:
        """Problems of the settings and parts of all budgets that have no others."""
        for planned in self.planned.values():
            budget = planned.budget
            if budget.node is None or any(len(values) > 1 for values in budget.at.values()):
                continue
            try:
                network = elaborate(planned.spec, planned.fixed)
                if budget.part is not None:
                    check_part(network, budget.part)
            except MnetCostError as error:
                problems = self._problems[budget.node.source.path]
                with suppress(TooManyProblemsError):
                    _extend(problems, planned.placed(error))

    def is_other(self, reference: str) -> bool:
        """Whether a MODEL is a file that is neither a model nor budgets.

        One that cannot be read as YAML of ours is another's, unless its lines look like a model.
        """
        name = _parts(reference)[0]
        if name in self._names or is_revision(name):
            return False
        if not is_yaml(name):
            return os.path.exists(name)
        try:
            root = self._root(name)
        except SpecError:
            return not _looks_like_ours(name)
        if _is_budgets(name, root):
            return False
        if not isinstance(root.value, dict) or "format" not in root.value:
            return True
        kind = kind_of(root)
        return kind is not MODEL and not (kind is None and "extends" in root.value)

    def wanted(self, reference: str) -> _Wanted:
        """What a MODEL names."""
        name = _parts(reference)[0]
        if name == "-" or is_revision(name):
            model = load_model(reference)
            place = _Place(model.spec.path, model.spec.variant, model.knobs)
            return _Wanted(reference, place, False, model.spec)
        return _Wanted(reference, self._place(reference), not is_path(name))

    def budget_path(self, reference: str) -> str | None:
        """The path of a file of budgets that a MODEL names; None for another MODEL."""
        name, variant, knobs = _parts(reference)
        if not is_path(name) or is_revision(name) or not os.path.exists(name):
            return None
        if not _is_budgets(name, self._root(name)):
            return None
        if variant or knobs:
            raise UsageError(f"`{reference}`: a file of budgets has no variants and no knobs")
        return name

    def add_file(self, path: str) -> None:
        """Plan all budgets of a file."""
        for budget in self._file(path):
            self._add_entry(path, budget, None)

    def add_model(self, model: _Wanted, files: Sequence[str], typed: Sequence[Budget]) -> bool:
        """Plan the budgets of a MODEL; whether there are some.

        A variant and values of knobs that a MODEL does not have are errors of the MODEL, whatever
        its budgets are.
        """
        if model.place.knobs:
            knob_values(self._spec(model), model.place.knobs)
        elif model.place.variant is not None:
            self._spec(model)
        if typed or files:
            for budget in typed:
                self._add(budget, self._spec(model), model.place.knobs, None)
            is_planned = bool(typed)
            for path in files:
                is_planned = self._add_named(path, model) or is_planned
            return is_planned
        return self._add_own(model) or self._add_beside(model)

    def add_without_limits(
        self, model: _Wanted, devices: Sequence[DeviceProfile], precision: str | None
    ) -> None:
        """Plan to look at a MODEL, of which nothing is limited."""
        precisions = () if precision is None else (precision,)
        budget = Budget(devices=tuple(devices), precisions=precisions)
        self._add(budget, self._spec(model), model.place.knobs, None)

    def _add_own(self, model: _Wanted) -> bool:
        """Plan the budgets in the spec of a MODEL."""
        path, variant = model.place.path, model.place.variant
        place = real_path(path)
        if model.spec is not None:
            self._roots[place] = model.spec.root
        root = self._root(path)
        if not isinstance(root.value, dict) or SECTION not in root.value:
            return False
        self._spec(model)  # its problems come before those of budgets
        if place not in self._budgets:
            problems = self._problems.setdefault(path, Problems())
            entries = root.value[SECTION].value
            self._budgets[place] = _collected(entries, ("variant",), problems, self._devices)
        own = None if variant is None else {id(node) for node in own_budgets(root, variant)}
        budgets = [
            budget for budget in self._budgets[place] if own is None or id(budget.node) in own
        ]
        for budget in budgets:
            # A variant that only gives a name has the budgets of the network without one.
            self._add(budget, self._compiled(path, budget.variant or variant),
                      model.place.knobs, path)  # fmt: skip
        return bool(budgets)

    def _add_beside(self, model: _Wanted) -> bool:
        """Plan the budgets of the nearest file, beside a MODEL or above, that name it."""
        if model.spec is not None:
            return False
        folder = "" if model.is_library else os.path.dirname(model.place.path)
        paths = [os.path.join(each, FILE_NAME) for each in _folders_up(folder)]
        return any(os.path.exists(path) and self._add_named(path, model) for path in paths)

    def _add_named(self, path: str, model: _Wanted) -> bool:
        """Plan the budgets of a file that name a MODEL; whether there are some."""
        named = [self._add_entry(path, budget, model) for budget in self._file(path)]
        return any(named)

    def _add_entry(self, path: str, budget: Budget, model: _Wanted | None) -> bool:
        """Plan an entry of a file, of one MODEL alone where that is given; whether it is."""
        problems = self._problems.setdefault(path, Problems())
        try:
            place = self._place(str(budget.model), path)
            if model is not None and not _is_same(place, model):
                return False
            spec = self._compiled(place.path, place.variant)
        except MnetCostError as error:
            if model is None or isinstance(error, ModelReferenceError):
                _extend(problems, at_node(error, budget.place("model")))
                return False
            raise
        for knob in budget.at:
            if knob in place.knobs:
                message = f"the knob `{knob}` is set twice: here, and in `{budget.model}`"
                problems.add(message, budget.place(knob) or spec.node)
        given = {} if model is None else model.place.knobs
        self._add(budget, spec, {**given, **place.knobs}, path, place.knobs)
        return True

    def _add(
        self, budget: Budget, spec: ModelSpec, knobs: Mapping[str, Any], path: str | None,
        stated: Mapping[str, Any] = _NO_KNOBS,
    ) -> None:  # fmt: skip
        """Plan a budget, which may be asked for twice; what it has not is a problem.

        `knobs` are set by references, of which those `stated` in the entry are a part of it.
        """
        held = {knob: value for knob, value in knobs.items() if knob not in budget.at}
        identity = (id(budget), spec.path, spec.variant, tuple(sorted(held.items(), key=str)))
        if identity in self.planned:
            return
        problems = Problems() if path is None else self._problems.setdefault(path, Problems())
        before = len(problems)
        self._check_knobs(budget, spec, problems)
        self._check_precisions(budget, spec, problems)
        if path is not None and not budget.has_problems:
            self._check_twice(budget, spec, stated, problems)
        if len(problems) == before:
            self.planned[identity] = PlannedBudget(budget, spec, held)

    def _check_knobs(self, budget: Budget, spec: ModelSpec, problems: Problems) -> None:
        known = (*spec.knobs, BATCH)
        for knob in budget.at:
            if knob not in known and "." not in knob:
                hint = did_you_mean(knob, known) or f"it has {all_of(known)}"
                message = f"{spec.title} has no knob `{knob}`"
                problems.add(message, budget.place(knob) or spec.node, hint)

    def _check_precisions(self, budget: Budget, spec: ModelSpec, problems: Problems) -> None:
        """Problems of precisions that the network cannot have; `UsageError` for a typed one."""
        for precision in budget.precisions:
            try:
                settle_precision(spec, precision)
            except UsageError as error:
                if budget.node is None:
                    raise
                _extend(problems, at_node(error, budget.place("precision")))

    def _check_twice(
        self, budget: Budget, spec: ModelSpec, knobs: Mapping[str, Any], problems: Problems
    ) -> None:
        """Problems of limits that an entry about the same has already."""
        at = {**{knob: (value,) for knob, value in knobs.items()}, **budget.at}
        defaults = {BATCH: 1, **{name: knob.default for name, knob in spec.knobs.items()}}
        setting = {
            knob: frozenset(values)
            for knob, values in at.items()
            if not (knob in defaults and values == (defaults[knob],))
        }
        # A variant that only gives a name is the network without one.
        variant = changing_variant(spec.root, spec.variant)
        about = real_path(spec.path), variant, frozenset(setting.items()), budget.part
        for kind, bounds in (("limited", budget.limits), ("warned of", budget.warnings)):
            for name, bound in bounds.items():
                devices = [device.name for device in budget.devices]
                for device in devices if _is_of_device(budget, name) else [""]:
                    for precision in PlannedBudget(budget, spec, knobs).precisions:
                        key = (*about, kind, name, device, precision)
                        first = self._limited.setdefault(key, bound.node)
                        if first is not bound.node and first is not None and bound.node is not None:
                            line = first.line_in(bound.node.source)
                            problems.add(
                                f"`{name}` is {kind} already for the same network and setting, "
                                f"at {line}",
                                bound.node, "state one of them",
                            )  # fmt: skip

    def _file(self, path: str) -> list[Budget]:
        """The budgets of a file; its problems are collected."""
        place = real_path(path)
        if place not in self._budgets:
            root = self._root(path)
            problems = self._problems.setdefault(path, Problems())
            self._budgets[place] = _budgets_below(root, problems, self._devices)
        return self._budgets[place]

    def _root(self, path: str) -> Node:
        place = real_path(path)
        if place not in self._roots:
            try:
                self._roots[place] = read_yaml(path)
            except SpecError as error:
                hint = shipped_hint(path)
                if hint is None:
                    raise
                raise SpecError(error.problems[0]._replace(hint=hint)) from None
        return self._roots[place]

    def _spec(self, model: _Wanted) -> ModelSpec:
        if model.spec is not None:
            return model.spec
        return self._compiled(model.place.path, model.place.variant)

    def _compiled(self, path: str, variant: str | None) -> ModelSpec:
        key = real_path(path), variant
        if key not in self._specs:
            self._specs[key] = compile_spec(self._root(path), path, variant)
        return self._specs[key]

    def _place(self, reference: str, file: str | None = None) -> _Place:
        """Where a reference leads, from the folder of `file` where that is given."""
        name, variant, knobs = split_reference(reference) if file else _parts(reference)
        refuse_all_foreign(name)
        if is_path(name):
            return _Place(name if file is None else path_beside(file, name), variant, knobs)
        if name in self._names:
            return _Place(model_path(name), variant, knobs)
        owner, _ = owner_of(name, variant, reference)
        return _Place(model_path(owner), name, knobs)


def _parts(reference: str) -> tuple[str, str | None, Mapping[str, Any]]:
    """(name or path, variant, knobs) of a MODEL. A hook names files, and names of files may have
    colons and at signs: what is a file is one."""
    if is_yaml(reference) and os.path.isfile(reference):
        return reference, None, {}
    return split_reference(reference)


def _is_same(place: _Place, model: _Wanted) -> bool:
    """Whether a reference leads to a MODEL, or to a variant of its file."""
    return real_path(place.path) == real_path(model.place.path) and model.place.variant in (
        None, place.variant,
    )  # fmt: skip


def _is_of_device(budget: Budget, name: str) -> bool:
    return next(metric.per_device for metric in budget.metrics if metric.name == name)


def _budgets_below(root: Node, problems: Problems, devices: Devices) -> list[Budget]:
    """The entries of a file of budgets."""
    if not isinstance(root.value, dict):
        problems.add("a file of budgets is a mapping that starts with `format: 1`", root)
        return []
    problem = mistaken(root, BUDGETS)
    if problem is not None or kind_of(root) is MODEL:
        hint = "`mnet-cost check` takes it without `--budget`"
        mark = next((node for key, node in root.keys.items() if key in MODEL.marks), root)
        problems.append(problem or Problem("this is a model, not a file of budgets",
                                           mark.span(), hint))  # fmt: skip
        return []
    is_misspelt = False
    for key, node in root.keys.items():
        if key not in _TOP:
            known = key_hint(key, _TOP, f"a file of budgets has {all_of(_TOP)}")
            problems.add(f"a file of budgets has no part `{key}`", node, known)
            is_misspelt = is_misspelt or meant_by(key, _TOP) == SECTION
    version = root.value.get("format")
    if version is None:
        problems.add("a file of budgets starts with `format: 1`", root)
    elif version.value != FORMAT or version.value is True:
        problems.add(f"this program reads format {FORMAT}, not {shown(version)}", version)
    section = root.value.get(SECTION)
    if section is None and is_misspelt:
        return []
    if section is None or not isinstance(section.value, list) or not section.value:
        form = "`budgets` is a list of entries with limits"
        example = "as in `- {model: mobilenet_v1, params: 4.3 M}`"
        problems.add(form, root if section is None else section, example)
        return []
    if len(section.value) > MAX_BUDGETS:
        problems.add(f"more than {MAX_BUDGETS:,} budgets", section.value[MAX_BUDGETS])
        return []
    return _collected(section.value, ("model",), problems, devices)


def _folders_up(folder: str) -> list[str]:
    """A folder and those above it, up to the root of its repository; it alone outside of one.

    They are seen from the working directory, unless the path of the folder starts at the root.
    """
    whole = Path(os.path.abspath(folder))
    folders = [whole, *whole.parents]
    roots = [number for number, each in enumerate(folders) if os.path.exists(each / ".git")]
    above = folders[1 : roots[0] + 1] if roots else []
    if os.path.isabs(folder):
        return [folder, *map(str, above)]
    seen = [os.path.relpath(each) for each in above]
    return [folder, *("" if each == os.curdir else each for each in seen)]


def _is_budgets(path: str, root: Node) -> bool:
    """Whether a YAML file is meant as budgets, which may be misspelt: by its keys or its name."""
    named = os.path.basename(path) == FILE_NAME
    if not isinstance(root.value, dict):
        return named
    kind = kind_of(root)
    if kind is not None or "extends" in root.value:
        return kind is BUDGETS
    return named or any(
        key == _SINGULAR or ("format" in root.value and meant_by(key, (SECTION,)))
        for key in root.value
    )


def _looks_like_ours(path: str) -> bool:
    """Whether a file that cannot be read as YAML is a model or budgets, by its name and lines."""
    if os.path.basename(path) == FILE_NAME:
        return True
    with naming(path, "cannot be read", SpecError), open_file(path) as file:
        text = file.read(MAX_BYTES).decode("latin-1")  # whatever it is: the keys are ASCII
    return bool(_OUR_FORMAT.search(text) and _OUR_KEYS.search(text))


def _collected(
    entries: Sequence[Node], identity: Sequence[str], problems: Problems, devices: Devices
) -> list[Budget]:
    try:
        return read_budgets(entries, identity, problems, devices)
    except TooManyProblemsError:
        return []


def _extend(problems: Problems, more: Sequence[Problem]) -> None:
    """Add problems, each once: a spec has its own for the first entry that names it alone."""
    for problem in more:
        if not any(_is_alike(problem, each) for each in problems):
            problems.append(problem)


def _is_alike(first: Problem, other: Problem) -> bool:
    return (first.message, str(first.span)) == (other.message, str(other.span))
