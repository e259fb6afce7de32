"""`mnet-cost train MODEL` and `mnet-cost train --compare A vs B`."""

from __future__ import annotations

import argparse
import math
import os
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mnet_cost.cli.options import (
    Subparsers,
    add_command,
    add_knob_options,
    add_output_options,
    given_knobs,
)

if TYPE_CHECKING:
    from mnet_cost.models.types import Model
    from mnet_cost.torch_model.training.plan import Wishes
    from mnet_cost.torch_model.training.train import Job, Trained

_RUNS = Path("runs")


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "train",
        "train a network, or several side by side, on images of yours",
        "mnet-cost train mobilenet_v1 --alpha 0.25 --resolution 32 --data digits",
        "Needs torch: python -m pip install 'mnet-cost[train]'. Status 1: the loss became no "
        "number; 130 and 143: stopped by Ctrl-C and SIGTERM, to be resumed.",
    )
    parser.add_argument(
        "model", metavar="MODEL", nargs="?", help="NAME_OR_PATH[:variant][@knob=value,...]"
    )
    parser.add_argument(
        "--data",
        metavar="digits|FOLDER",
        default="digits",
        help="scikit-learn's digits, or a folder with a sub-folder of images for each class, "
        "perhaps below train/ and val/ (digits)",
    )
    add_knob_options(parser, batch="examples of a training step (by the recipe)")
    _add_recipe_options(parser)
    _add_run_options(parser)
    several = parser.add_argument_group("several networks, trained the same way")
    several.add_argument(
        "--compare", nargs="+", metavar="MODEL", default=[], help="A vs B [C ...], side by side"
    )
    several.add_argument(
        "--compare-knob", metavar="KNOB=V,V,...", help="MODEL at each of these values of a knob"
    )
    add_output_options(parser)
    parser.set_defaults(run=run)


def _add_recipe_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("recipe")
    group.add_argument("--recipe", metavar="R", default="modern", help="modern or paper (modern)")
    group.add_argument("--epochs", metavar="N", type=_whole(1), help="times over the data")
    group.add_argument("--lr", metavar="X", type=_positive, help="the largest learning rate")
    group.add_argument("--seed", metavar="N", type=_whole(0), default=0, help="of all chance (0)")
    group.add_argument("--teacher", metavar="MODEL", help="a trained network to learn from")
    group.add_argument("--teacher-weights", metavar="FILE", help="its best.pt or checkpoint.pt")
    group.add_argument(
        "--temperature", metavar="T", type=_positive, default=4.0, help="softens the teacher (4)"
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("run")
    group.add_argument(
        "--out", metavar="FOLDER", help="where the run is kept (runs/MODEL-DATA, numbered)"
    )
    group.add_argument("--resume", action="store_true", help="go on from its checkpoint")
    group.add_argument(
        "--checkpoint-every",
        metavar="N|TIME",
        type=_cadence,
        default="60 s",
        help="steps, or a time as 60s, between checkpoints; after each epoch there is one (60s)",
    )
    group.add_argument("--strict", action="store_true", help="an unreadable image is an error")
    group.add_argument("--device", metavar="D", default="auto", help="auto, cpu, cuda, mps (auto)")
    group.add_argument("--threads", metavar="N", type=_whole(1), help="of the processor")
    group.add_argument(
        "--workers", metavar="N", type=_whole(0), help="processes that read images (2; digits: 0)"
    )


def run(options: argparse.Namespace) -> int:
    """Train one network or several, and report."""
    from mnet_cost.cli.output import emit, say
    from mnet_cost.torch_model.installed import require

    models = _models(options)
    require("torch", extra="train")
    import torch

    from mnet_cost.cli.progress import Screen, Stopper
    from mnet_cost.errors import MnetCostError
    from mnet_cost.report.training_run import training_comparison, training_report
    from mnet_cost.torch_model.training.loop import DivergedError
    from mnet_cost.torch_model.training.runs import Cadence
    from mnet_cost.torch_model.training.train import check_jobs, train_model

    if options.threads:
        torch.set_num_threads(options.threads)
    several = len(models) > 1
    folder = _folder(options, list(models.items()))
    jobs = _jobs(options, models, folder)
    runs: list[Trained] = []
    failure: MnetCostError | None = None
    with Stopper() as stopper:
        with Screen(stopper) as screen:
            datasets = check_jobs(jobs, screen.reading) if several else [None]
        for job, dataset in zip(jobs, datasets, strict=True):
            try:
                with Screen(stopper) as screen:
                    trained = train_model(
                        *job,
                        cadence=Cadence(*options.checkpoint_every),
                        stop=stopper.asked,
                        audience=screen,
                        dataset=dataset,
                    )
            except MnetCostError as error:
                if not (runs or isinstance(error, DivergedError)):
                    raise
                failure = error
                break
            runs.append(trained)
            if stopper.asked():
                break
            stopper.training = False
    if runs:
        names = list(models)
        emit(
            training_comparison(names, runs) if several else training_report(runs[0]),
            options,
            [options.data],
        )
    if failure is not None:
        say(failure)
        return 1 if isinstance(failure, DivergedError) else 2
    if runs[-1].finished and len(runs) == len(models):
        return 0
    say(f"stopped; --resume --out {shlex.quote(str(folder))} goes on")
    return stopper.status


def _jobs(options: argparse.Namespace, models: dict[str, Model], folder: Path) -> list[Job]:
    """Each network with its own wishes and, of several, a folder of its own."""
    from mnet_cost.escaping import file_name
    from mnet_cost.torch_model.training.train import Job

    several = len(models) > 1
    jobs: list[Job] = []
    for number, (name, model) in enumerate(models.items(), 1):
        own = folder / file_name(name) if several else folder
        if own in [job.folder for job in jobs]:
            own = own.with_name(f"{own.name}-{number}")
        # Of several, those that were not begun begin.
        begun = os.path.exists(own / "checkpoint.pt")
        resume = options.resume and (begun or not several)
        jobs.append(Job(model, _wishes(options, model), own, resume))
    return jobs


def _models(options: argparse.Namespace) -> dict[str, Model]:
    """The networks to train, by the name that reports show."""
    from mnet_cost.errors import Problem, UsageError
    from mnet_cost.models.library import load_model, split_setting

    knobs = {name: value for name, value in given_knobs(options).items() if name != "batch"}
    names = [name for name in options.compare if name.lower() != "vs"]
    if options.compare:
        if options.model or options.compare_knob or len(names) < 2:
            raise UsageError(
                Problem(
                    "--compare takes two networks or more, and none stands beside it",
                    hint="mnet-cost train --compare full vs separable --data digits",
                )
            )
        _refuse_twice(names)
        return {name: load_model(name, knobs) for name in names}
    if not options.model:
        raise UsageError(
            Problem(
                "which network is to be trained?",
                hint="mnet-cost train mobilenet_v1 --alpha 0.25 --data digits",
            )
        )
    if not options.compare_knob:
        return {options.model: load_model(options.model, knobs)}
    knob, _, values = options.compare_knob.partition("=")
    settings = [f"{knob}={value}" for value in values.split(",")]
    _refuse_twice(settings)
    if knob in given_knobs(options):
        raise UsageError(
            f"`{knob}` is given twice: by --compare-knob {options.compare_knob} and by an option"
        )
    return {
        setting: load_model(options.model, {**knobs, **dict([split_setting(setting)])})
        for setting in settings
    }


def _refuse_twice(names: Sequence[str]) -> None:
    from mnet_cost.errors import Problem, UsageError

    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                Problem(
                    f"`{name}` is to be compared with itself",
                    hint="trained the same way it comes out the same; --seed makes another",
                )
            )


def _wishes(options: argparse.Namespace, model: Model) -> Wishes:
    from mnet_cost.models.library import load_model
    from mnet_cost.torch_model.training.plan import Wishes

    return Wishes(
        data=options.data,
        recipe=options.recipe,
        epochs=options.epochs,
        batch=given_knobs(options).get("batch", model.knobs.get("batch")),
        lr=options.lr,
        teacher=load_model(options.teacher) if options.teacher else None,
        teacher_weights=options.teacher_weights,
        temperature=options.temperature,
        workers=options.workers,
        seed=options.seed,
        device=options.device,
        strict=options.strict,
    )


def _folder(options: argparse.Namespace, models: Sequence[tuple[str, Model]]) -> Path:
    """Where the run is kept: as said, else a name that tells, with a number if it is taken."""
    from mnet_cost.escaping import file_name
    from mnet_cost.paths import real_path
    from mnet_cost.torch_model.training.runs import unused_folder

    if options.out:
        return Path(options.out)
    name = "-vs-".join(Path(name).name for name, _ in models)
    if len(models) == 1:
        name = models[0][1].spec.title
    elif options.compare_knob:
        name = f"{models[0][1].spec.title}-{options.compare_knob}"
    data = "digits" if options.data == "digits" else real_path(options.data).name
    return unused_folder(_RUNS, file_name(f"{name}-{data}"), options.resume)


def _whole(least: int) -> Callable[[str], int]:
    """A parser of whole numbers from `least` on."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < least:
            raise argparse.ArgumentTypeError(f"needs a whole number from {least} on, not {text!r}")
        return int(text)

    return parse


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value > 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"needs a number above 0, not {text!r}")
    return value


def _cadence(text: str) -> tuple[int | None, float | None]:
    """(steps, seconds), one of which is None."""
    from mnet_cost.errors import UnitError
    from mnet_cost.units import parse_quantity

    if re.fullmatch("[0-9]{1,9}", text) and int(text):
        return int(text), None
    try:
        return None, parse_quantity(text, "s")
    except UnitError as error:
        raise argparse.ArgumentTypeError(error.problems[0].message) from None
