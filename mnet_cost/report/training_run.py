"""The reports of `train`: what a training came to, and several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mnet_cost.differences.compare import ratio
from mnet_cost.report.metric_columns import metric_column
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import Column, Fact, Report, Table
from mnet_cost.units import format_bytes, format_count, format_seconds

if TYPE_CHECKING:
    from pathlib import Path

    from mnet_cost.torch_model.training.data import Dataset
    from mnet_cost.torch_model.training.metrics import EpochRecord
    from mnet_cost.torch_model.training.plan import Plan
    from mnet_cost.torch_model.training.train import Trained

_EPOCHS_SHOWN = 12
_WIDEST_CONFUSION = 20

_EPOCH_COLUMNS = (
    Column("epoch", "epoch", "count"),
    Column("steps", "steps", "count", 3),
    Column("loss", "loss", "number"),
    Column("accuracy", "accuracy %", "percent"),
    Column("test_loss", "test loss", "number"),
    Column("test_accuracy", "test accuracy %", "percent"),
    Column("lr", "learning rate", "number", 5),
    Column("seconds", "time", "seconds", 6),
    Column("images_per_s", "images/s", "count", 4),
)


def ignored(dataset: Dataset) -> list[tuple[int, str, tuple[str, ...]]]:
    """(number, what, names) of what in a folder is not trained on."""
    folders, files = dataset.ignored_folders, dataset.ignored_files
    entries = [
        (len(folders), f"{_noun(folders, 'sub-folder')} without images, or named _ or ., ignored",
         folders),
        (len(files), f"{_noun(files, 'file')} without the ending of an image, ignored", files),
    ]  # fmt: skip
    return [entry for entry in entries if entry[0]]


def _noun(names: Sequence[str], noun: str) -> str:
    return noun if len(names) == 1 else f"{noun}s"


def _epochs_said(number: int) -> str:
    return "1 epoch" if number == 1 else f"{number} epochs"


def estimate_lines(plan: Plan, folder: Path) -> list[str]:
    """What a training will cost, in words for before it starts."""
    dataset, settled, estimate = plan.dataset, plan.settled, plan.estimate
    cost = estimate.cost
    parts = {
        "weights": cost.weight_bytes + cost.cast_weight_bytes + cost.statistic_bytes,
        "gradients": cost.gradient_bytes,
        "optimizer": cost.optimizer_bytes,
        "average": cost.average_bytes,
        "saved activations": cost.activation_bytes,
    }
    memory = ", ".join(f"{name} {format_bytes(size)}" for name, size in parts.items())
    free = estimate.available_bytes
    room = "" if free is None else f"; {format_bytes(free)} are free"
    decided = f"; {', '.join(plan.decided)} by the data" if plan.decided else ""
    times = cost.mult_adds / cost.forward_mult_adds if cost.forward_mult_adds else 0.0
    return [
        f"{plan.network.spec.title} on {dataset.name}: {len(dataset.classes)} classes, "
        f"{len(dataset.train.labels):,} images to train on, {len(dataset.test.labels):,} to test"
        f"{decided}",
        f"recipe {settled.recipe.name}: {_epochs_said(settled.epochs)} of "
        f"{settled.steps_per_epoch} steps, batch {settled.batch}, "
        f"learning rate {settled.lr:.3g}, on {plan.task.device}",
        f"estimate: {estimate.params:,} params; {format_count(estimate.step_mult_adds)} mult-adds "
        f"a step ({times:.2f}x forward), {format_count(estimate.training_mult_adds)} in all",
        f"estimate: {format_bytes(cost.memory_bytes)} of memory: {memory}{room}",
        f"kept in {folder}",
    ]


def training_report(trained: Trained) -> Report:
    """Accuracy, estimate beside what it was, epochs, classes, confusion."""
    plan = trained.plan
    settled, dataset = plan.settled, plan.dataset
    tables = [_epochs(trained.history)]
    if trained.classes:
        tables.append(_classes(trained))
        if len(dataset.classes) <= _WIDEST_CONFUSION:
            tables.append(_confusion(trained))
    notes = ["accuracy and loss of the test are those of the running average of the weights"]
    if trained.best is not None and trained.best.epoch != len(trained.history):
        notes.append("the best epoch was chosen by the test, so its accuracy flatters")
    if dataset.unreadable:
        notes.append(f"{len(dataset.unreadable)} images could not be read and are left out")
    notes += [f"{number} {what}" for number, what, _ in ignored(dataset)]
    notes.append(_memory_note(trained))
    if not trained.finished:
        done = f"{len(trained.history)} of {_epochs_said(settled.epochs)} done"
        notes.append(f"stopped before the end, {done}: --resume goes on")
    return Report(
        title=plan.network.spec.title,
        subtitle=" · ".join(_setting(trained)),
        facts=_facts(trained),
        tables=tuple(tables),
        notes=tuple(notes),
        document=lambda: training_document(trained),
        records=Table("epochs", "", _EPOCH_COLUMNS, tuple(map(_row, trained.history))),
    )


def _setting(trained: Trained) -> list[str]:
    plan = trained.plan
    knobs = [f"{name} {value}" for name, value in plan.network.knobs.items() if name != "batch"]
    return [
        *knobs,
        f"{plan.dataset.name}, {len(plan.dataset.classes)} classes",
        f"recipe {plan.settled.recipe.name}",
        f"batch {plan.settled.batch}",
        f"seed {plan.task.seed}",
        f"{plan.task.device}, {trained.environment['threads']} threads",
    ]


def _facts(trained: Trained) -> tuple[Fact, ...]:
    plan, best = trained.plan, trained.best
    estimate, dataset = plan.estimate, plan.dataset
    facts = []
    if trained.history:
        last = trained.history[-1]
        if last.test_accuracy is not None:
            detail = f"of {len(dataset.test.labels):,} images, after epoch {last.epoch}"
            facts.append(Fact("test accuracy %", last.test_accuracy, "percent", detail))
        facts.append(Fact("test loss", last.test_loss, "number", ""))
        assert best is not None
        if best.test_accuracy is not None:
            detail = f"epoch {best.epoch}, kept in {trained.folder / 'best.pt'}"
            facts.append(Fact("best %", best.test_accuracy, "percent", detail))
    facts += [
        Fact("params", estimate.params, "count", ""),
        Fact("mult-adds", estimate.mult_adds, "count", "of one image, forward"),
        Fact("training", estimate.training_mult_adds, "count", "mult-adds of all steps"),
        Fact("memory", trained.peak_bytes, "bytes", _memory(trained)),
        Fact("time", trained.seconds, "seconds", _pace(trained)),
    ]
    return tuple(facts)


def _memory(trained: Trained) -> str:
    on_cuda = trained.plan.task.device.type == "cuda"
    whose = "its tensors" if on_cuda else "growth of the process"
    if trained.peak_bytes is None:
        whose = "not known of a resumed run" if trained.resumed else "not known on this system"
    return f"{whose}; the estimate is {format_bytes(trained.plan.estimate.cost.memory_bytes)}"


def _memory_note(trained: Trained) -> str:
    if trained.plan.task.device.type == "cuda":
        measured = "the peak of torch's tensors on the device, its workspaces among them"
    else:
        measured = "growth of the whole process, with torch's libraries, workspaces and pictures"
    return f"memory: measured is {measured}; the estimate is of the training's tensors alone"


def _pace(trained: Trained) -> str:
    if not trained.history:
        return ""
    epoch = format_seconds(trained.seconds / len(trained.history))
    return f"of training, {epoch} an epoch, without tests"


def _row(record: EpochRecord) -> tuple[Any, ...]:
    return (*record[:-1], round(record.images_per_s))


def _epochs(history: Sequence[EpochRecord]) -> Table:
    """At most a dozen epochs, the last among them."""
    every = -(-len(history) // _EPOCHS_SHOWN) or 1
    shown = [record for record in history if (len(history) - record.epoch) % every == 0]
    title = "Epochs" if every == 1 else f"Epochs, one of {every}"
    return Table("epochs", title, _EPOCH_COLUMNS, tuple(map(_row, shown)))


def _classes(trained: Trained) -> Table:
    columns = (
        Column("class", "class"),
        Column("images", "test images", "count"),
        Column("accuracy", "accuracy %", "percent"),
        Column("precision", "precision %", "percent"),
        Column("mistaken_for", "mistaken for", "text", 5),
    )
    return Table("classes", "Classes", columns, tuple(tuple(result) for result in trained.classes))


def _confusion(trained: Trained) -> Table:
    names = trained.plan.dataset.classes
    assert trained.tested is not None
    columns = (
        Column("class", "is"),
        *(Column(f"as_{name}", name, "count", 8) for name in names),
    )
    rows = tuple(
        (name, *(count or None for count in row))
        for name, row in zip(names, trained.tested.confusion, strict=True)
    )
    return Table("confusion", "Confusion: what test images were taken for", columns, rows)


def training_document(trained: Trained) -> dict[str, Any]:
    """The JSON document of a training."""
    plan, tested = trained.plan, trained.tested
    estimate, settled, dataset = plan.estimate, plan.settled, plan.dataset
    cost = estimate.cost
    last, best = (trained.history[-1], trained.best) if trained.history else (None, None)
    return {
        "schema": schema_id("training"),
        "model": {
            "name": plan.network.spec.name,
            "variant": plan.network.spec.variant,
            "knobs": dict(plan.identity["knobs"]),
            "params": estimate.params,
            "mult_adds": estimate.mult_adds,
        },
        "data": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "classes": list(dataset.classes),
            "train_images": len(dataset.train.labels),
            "test_images": len(dataset.test.labels),
            "unreadable": list(dataset.unreadable),
            "ignored_folders": list(dataset.ignored_folders),
            "ignored_files": list(dataset.ignored_files),
        },
        "recipe": {
            "name": settled.recipe.name,
            "epochs": settled.epochs,
            "batch": settled.batch,
            "lr": settled.lr,
            "steps_per_epoch": settled.steps_per_epoch,
            "seed": plan.task.seed,
            "teacher": plan.identity["teacher"],
        },
        "estimate": {
            "step_mult_adds": estimate.step_mult_adds,
            "training_mult_adds": estimate.training_mult_adds,
            "memory_bytes": cost.memory_bytes,
            "weight_bytes": cost.weight_bytes,
            "gradient_bytes": cost.gradient_bytes,
            "optimizer_bytes": cost.optimizer_bytes,
            "average_bytes": cost.average_bytes,
            "activation_bytes": cost.activation_bytes,
            "available_bytes": estimate.available_bytes,
        },
        "measured": {"peak_bytes": trained.peak_bytes, "seconds": trained.seconds},
        "resumed": trained.resumed,
        "finished": trained.finished,
        "test_accuracy": None if last is None else last.test_accuracy,
        "test_loss": None if last is None else last.test_loss,
        "best_epoch": None if best is None else best.epoch,
        "best_accuracy": None if best is None else best.test_accuracy,
        "epochs": [record._asdict() for record in trained.history],
        "classes": [result._asdict() for result in trained.classes],
        "confusion": None if tested is None else [list(row) for row in tested.confusion],
        "folder": str(trained.folder),
        "environment": dict(trained.environment),
    }


def _each(trainings: Sequence[Trained], name: str) -> str:
    """A setting of all, once where it is the same."""
    values = [str(getattr(training.plan.settled, name)) for training in trainings]
    return values[0] if len(set(values)) == 1 else ", ".join(values)


def training_comparison(names: Sequence[str], trainings: Sequence[Trained]) -> Report:
    """Accuracy, mult-adds, params and time of several trainings, with ratios to the first.

    `names` may go on after those of `trainings`: these were not reached.
    """
    first = trainings[0]
    names, missing = names[: len(trainings)], names[len(trainings) :]
    notes = [f"not trained: {', '.join(missing)}"] if missing else []
    for name, training in zip(names, trainings, strict=True):
        if not training.finished:
            planned = _epochs_said(training.plan.settled.epochs)
            notes.append(f"{name} was stopped after {len(training.history)} of {planned}")
    columns = (
        Column("network", "network"),
        Column("test_accuracy", "test accuracy %", "percent"),
        metric_column("mult_adds"),
        Column("mult_adds_ratio", "ratio", "ratio"),
        metric_column("params"),
        Column("params_ratio", "ratio", "ratio"),
        Column("seconds", "training time", "seconds"),
        Column("seconds_ratio", "ratio", "ratio"),
        Column("memory_bytes", "memory estimate", "bytes", 5),
    )
    rows = []
    for name, training in zip(names, trainings, strict=True):
        estimate = training.plan.estimate
        rows.append(
            (
                name,
                training.history[-1].test_accuracy if training.history else None,
                estimate.mult_adds,
                ratio(first.plan.estimate.mult_adds, estimate.mult_adds),
                estimate.params,
                ratio(first.plan.estimate.params, estimate.params),
                training.seconds,
                ratio(first.seconds, training.seconds),
                estimate.cost.memory_bytes,
            )
        )
    plan = first.plan
    note = (
        f"ratio: x of {names[0]}; accuracy of the average of the weights after the last epoch "
        f"on {len(plan.dataset.test.labels):,} images, one of which is "
        f"{100 / len(plan.dataset.test.labels):.2f} %"
    )
    table = Table("trainings", "", columns, tuple(rows), note=note)
    return Report(
        title=f"{' vs '.join(names)} on {plan.dataset.name}",
        subtitle=f"recipe {plan.settled.recipe.name} · {_each(trainings, 'epochs')} epochs · "
        f"batch {_each(trainings, 'batch')} · seed {plan.task.seed}",
        facts=(),
        tables=(table,),
        notes=tuple(notes),
        document=lambda: {
            "schema": schema_id("training-comparison"),
            "trainings": [
                {"name": name, **training_document(training)}
                for name, training in zip(names, trainings, strict=True)
            ],
        },
    )
