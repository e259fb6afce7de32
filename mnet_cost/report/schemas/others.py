"""Schemas of layer kinds, papers and trainings."""

from __future__ import annotations

from mnet_cost.report.schemas.parts import (
    Json,
    flag,
    listed,
    mapped,
    maybe,
    number,
    record,
    scalar,
    text,
    whole,
)


def layers_schema() -> Json:
    layer = {
        "family": text("the group of kinds that it is listed in"),
        "kind": text("name of the kind"),
        "fields": listed(text("a field, with its default")),
        "summary": text("what it does"),
    }
    return record({"layers": listed(record(layer))}, "All layer kinds: `mnet-cost layers`.")


def layer_kind_schema() -> Json:
    field = {
        "field": text("name of the field"),
        "values": text("what it may hold"),
        "default": text("its default"),
        "help": text("what it is"),
    }
    return record(
        {
            "fields": listed(record(field)),
            "kind": text("name of the kind"),
            "documentation": text("what it does, and how it is counted"),
        },
        "One layer kind: `mnet-cost layers KIND`.",
    )


def paper_schema() -> Json:
    value = {"description": "a figure", "type": ["number", "string", "null"]}
    match = maybe(
        record(
            {
                "value": value,
                "counting": maybe(text("what is counted")),
                "setting": text("network and knobs"),
                "way": text("how it becomes what is printed"),
            }
        )
    )
    cell = {
        "what": text("which quantity"),
        "printed": text("as printed"),
        "printed_value": value,
        "verdict": text("how ours and the printed figure meet"),
        "ours": value,
        "counting": maybe(text("what is counted")),
        "setting": maybe(text("network and knobs")),
        "match": match,
        "corrected": maybe(text("what should be printed, by the file")),
        "right": match,
        "note": maybe(text("why")),
    }
    row = {
        "name": text("name of the row"),
        "model": maybe(text("network")),
        "layers": maybe(listed(text("name of a layer"))),
        "kind": maybe(text("kind of layer")),
        "mixed": flag("whether figures are of several networks"),
        "published": mapped(text("as printed"), "other columns of the table"),
        "cells": listed(record(cell)),
    }
    verdicts = mapped(whole("how many cells"), "cells by verdict")
    table = {
        "table": text("its number or name"),
        "title": text("its title"),
        "source": text("where it is"),
        "counting": mapped(maybe(text("what is counted")), "by quantity"),
        "truncated": listed(text("a quantity"), "quantities that are truncated, not rounded"),
        "note": maybe(text("what else is to be said")),
        "rows": listed(record(row)),
        "verdicts": verdicts,
        "quoted": whole("cells of networks without a spec"),
    }
    about = {"name": text("its name"), "title": text("its title"), "source": text("where it is")}
    return record(
        {
            "paper": record(about),
            "left_out": mapped(text("why"), "tables that are not in the file"),
            "tables": listed(record(table)),
            "verdicts": verdicts,
            "quoted": whole("cells of networks without a spec"),
        },
        "Printed figures beside ours: `mnet-cost paper`.",
    )


def training_keys() -> Json:
    """Keys of the document of a training, its `schema` apart."""
    share = maybe(number("as a share, from 0 to 1"))
    estimate = (
        *("step_mult_adds", "training_mult_adds", "memory_bytes", "weight_bytes"),
        *("gradient_bytes", "optimizer_bytes", "average_bytes", "activation_bytes"),
    )
    epoch = {
        "epoch": whole("its number, from 1"),
        "steps": whole("steps since the beginning"),
        "loss": number("mean of the epoch"),
        "accuracy": share,
        "test_loss": number("of the average of the weights"),
        "test_accuracy": share,
        "lr": number("learning rate at the end"),
        "seconds": number("time of training, in seconds"),
        "images_per_s": number("images per second"),
    }
    class_result = {
        "name": text("name of the class"),
        "pictures": whole("test pictures"),
        "recall": share,
        "precision": share,
        "mistaken_for": text("class that it is most often mistaken for"),
    }
    return {
        "model": record(
            {
                "name": text("name of the spec"),
                "variant": maybe(text("variant of the spec")),
                "knobs": mapped(scalar("value of the knob"), "knobs by name"),
                "params": whole("trained numbers"),
                "mult_adds": whole("of one image, forward"),
            }
        ),
        "data": record(
            {
                "name": text("name of the data"),
                "fingerprint": text("changes when the data does"),
                "classes": listed(text("name of a class")),
                "train_images": whole("how many"),
                "test_images": whole("how many"),
                "unreadable": listed(text("a file")),
                "ignored_folders": listed(text("a folder")),
                "ignored_files": listed(text("a file")),
            }
        ),
        "recipe": record(
            {
                "name": text("name of the recipe"),
                "epochs": whole("how many"),
                "batch": whole("images per step"),
                "lr": number("learning rate"),
                "steps_per_epoch": whole("how many"),
                "seed": whole("of random numbers"),
                "teacher": maybe({"description": "network that it learns from"}),
            }
        ),
        "estimate": record(
            {
                **{key: whole("as estimated") for key in estimate},
                "available_bytes": maybe(whole("memory that was free")),
            }
        ),
        "measured": record(
            {"peak_bytes": maybe(whole("memory")), "seconds": number("time of training")}
        ),
        "resumed": flag("whether it went on from a checkpoint"),
        "finished": flag("whether all epochs are done"),
        "test_accuracy": share,
        "test_loss": maybe(number("after the last epoch")),
        "best_epoch": maybe(whole("epoch of the best test")),
        "best_accuracy": share,
        "epochs": listed(record(epoch)),
        "classes": listed(record(class_result)),
        "confusion": maybe(listed(listed(whole("pictures")), "rows: is; columns: taken for")),
        "folder": text("where the training is kept"),
        "environment": {"description": "versions, threads, device and seed", "type": "object"},
    }


def training_schema() -> Json:
    return record(training_keys(), "One training: `mnet-cost train`.")


def training_comparison_schema() -> Json:
    training = {"name": text("as asked for"), "schema": text("of this part"), **training_keys()}
    return record({"trainings": listed(record(training))}, "Several trainings side by side.")
