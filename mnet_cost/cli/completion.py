"""Shell completion of names that only this program knows: models, variants, knobs, devices, kinds.

The shell runs `mnet-cost` with a variable of argcomplete set (extra `completion`); without that
variable nothing of this is imported. What is registered, once for each shell:

    eval "$(register-python-argcomplete mnet-cost)"                  bash, zsh
    register-python-argcomplete --shell fish mnet-cost | source      fish
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator

Completer = Callable[..., Iterable[str]]
"""Of argcomplete: takes the word so far as `prefix`, and gives the words that it may become."""


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell and leave the program, if argcomplete is installed."""
    try:
        import argcomplete
    except ImportError:
        return
    for action in _actions(parser):
        completer = _COMPLETERS.get(action.dest)
        if completer is not None and action.metavar != "D":  # of torch, in `train`
            action.completer = completer  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The actions of a parser and of the commands below it."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)


def model_words(prefix: str, **_: object) -> list[str]:
    """Names of models; `NAME:VARIANT` and `NAME@KNOB=` once the name stands; files."""
    from mnet_cost.errors import MnetCostError
    from mnet_cost.models.library import is_path, load_model, model_names

    head, at, _knob = prefix.partition("@")
    name, colon, _variant = head.partition(":")
    if (at or colon) and (is_path(name) or name in model_names()):
        try:
            spec = load_model(name).spec
        except MnetCostError:
            return []
        if at:
            return [f"{head}@{knob}=" for knob in (*spec.knobs, "batch")]
        return [f"{name}:{variant}" for variant in spec.variants]
    return [*model_names(), *_files(prefix)]


def device_words(prefix: str, **_: object) -> list[str]:
    """Names of devices, the words `all` and `none`, and files."""
    from mnet_cost.devices import device_names

    return [*device_names(), "all", "none", *_files(prefix)]


def knob_words(prefix: str, parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """`KNOB=` for the knobs of the models that are named before."""
    from mnet_cost.errors import MnetCostError
    from mnet_cost.models.library import load_model

    models = [getattr(parsed_args, "model", None), *(getattr(parsed_args, "models", None) or ())]
    knobs: dict[str, None] = {}
    for model in models:
        if model and model != "vs":
            try:
                knobs.update(dict.fromkeys(load_model(model).spec.knobs))
            except MnetCostError:
                continue
    return [f"{knob}=" for knob in (*knobs, "batch")]


def kind_words(**_: object) -> list[str]:
    """Names of kinds of layers."""
    from mnet_cost.layers import KINDS

    return list(KINDS)


def precision_words(**_: object) -> list[str]:
    """Precisions that an analysis can be asked for."""
    from mnet_cost.tensors import PRECISIONS

    return list(PRECISIONS)


def convention_words(**_: object) -> list[str]:
    """Conventions of counting."""
    from mnet_cost.analysis.conventions import CONVENTIONS

    return [convention.name for convention in CONVENTIONS]


def _files(prefix: str) -> list[str]:
    from argcomplete.completers import FilesCompleter

    return list(FilesCompleter(("yaml", "yml"))(prefix))


_COMPLETERS: dict[str, Completer] = {
    "model": model_words,
    "models": model_words,
    "compare": model_words,
    "teacher": model_words,
    "words": model_words,
    "device": device_words,
    "devices": device_words,
    "settings": knob_words,
    "kind": kind_words,
    "precision": precision_words,
    "convention": convention_words,
}
"""The completer of each option or argument, by its name in the namespace."""
