"""Checkpoints: files with all that a training needs to go on with the same result.

A checkpoint is whole or not there, whenever the process dies: a draft in the same folder is written
to the disk, then renamed. It is read with `weights_only`, so a file from elsewhere runs no code. It
names its network, data and recipe; a training with others does not go on from it.
"""

from __future__ import annotations

import mmap
import os
import pickle
import reprlib
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch

from mnet_cost.errors import MnetCostError, OutputError, Problem
from mnet_cost.escaping import printable
from mnet_cost.files import open_file
from mnet_cost.paths import naming

FORMAT = "mnet-cost/checkpoint/1"

_DRAFT_ENDING = ".part"
_BYTEARRAY = b"\nbytearray\n"
"""The name of the type in a pickle; random bytes of weights are these 11 once in 2^88."""


class CheckpointError(MnetCostError):
    """A checkpoint that cannot be read, is not whole, or belongs to another training."""


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content`; an earlier file stays until the new file is on the disk.

    Raises `OutputError` where it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}{_DRAFT_ENDING}")
    try:
        with open(draft, "wb") as file:
            torch.save({"format": FORMAT, **content}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as reason:  # torch's writer turns a full disk into the latter
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        why = getattr(reason, "strerror", None) or str(reason).splitlines()[0]
        raise OutputError(f"{path}: cannot be written: {why.lower()}") from None


def _sync_folder(folder: Path) -> None:
    """Write a folder to the disk, and with it the new name of a file; not on Windows."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove_drafts(folder: Path) -> None:
    """Remove the drafts of processes that were killed while they wrote."""
    for draft in folder.glob(f".*.pt.*{_DRAFT_ENDING}"):
        with suppress(OSError):
            draft.unlink()


def load_checkpoint(path: Path, keys: Iterable[str] = ()) -> dict[str, Any]:
    """The content of a checkpoint, its tensors on the processor.

    Raises `CheckpointError` where the file is not whole, is no checkpoint of this version, or lacks
    one of `keys`.
    """
    try:
        with naming(path, "cannot be read", CheckpointError), open_file(path) as file:
            refuse_packed(path, file)
            with zipfile.ZipFile(file) as archive:
                if archive.testzip() is not None:  # torch does not compare checksums
                    raise CheckpointError(_not_whole(path))
            file.seek(0)
            content = torch.load(file, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, zipfile.BadZipFile, ValueError, KeyError):
        raise CheckpointError(_not_whole(path)) from None
    except pickle.UnpicklingError:
        raise CheckpointError(
            Problem(
                f"{path}: holds more than numbers, so it is not read: it could run code",
                hint="a checkpoint of `mnet-cost train` is read",
            )
        ) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        what = content.get("format") if isinstance(content, dict) else None
        # Values that are no text can be far longer, written out, than their file.
        said = "says no format"
        if isinstance(what, str) and what:
            said = f"says `{printable(what[:60])}`, not `{FORMAT}`"
        raise CheckpointError(
            Problem(
                f"{path}: is no checkpoint of this version of mnet-cost: it {said}",
                hint="checkpoint.pt and best.pt of a run are",
            )
        )
    missing = [key for key in keys if key not in content]
    if missing:
        raise CheckpointError(
            Problem(
                f"{path}: has no `{missing[0]}`",
                hint="training goes on from checkpoint.pt; best.pt has only weights",
            )
        )
    return content


def refuse_packed(path: Path, file: BinaryIO) -> None:
    """Raise `CheckpointError` for a file that could take more memory than it has bytes.

    torch does not compress its archives; a compressed file of half a megabyte can hold gigabytes,
    and members of an archive can share their bytes. Of the types that a pickle of weights may make,
    only a bytearray takes memory of a size that the file states. Raises `zipfile.BadZipFile` for a
    damaged archive.
    """
    if zipfile.is_zipfile(file):  # older files of torch.save are none
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
        held = sum(member.file_size for member in members)
        size = file.seek(0, os.SEEK_END)
        packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
        if held > size or packed:
            message = (
                f"has {size:,} bytes and says that it holds {held:,}"
                if held > size
                else "is compressed"
            )
            hint = "a checkpoint is not compressed; take one that torch wrote"
            raise CheckpointError(Problem(f"{path}: {message}", hint=hint))
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(_BYTEARRAY) >= 0:
            raise CheckpointError(
                Problem(
                    f"{path}: holds a bytearray, so it is not read: its size could be anything",
                    hint="a checkpoint of `mnet-cost train` or a state_dict of torch is read",
                )
            )
    file.seek(0)


def _not_whole(path: Path) -> Problem:
    return Problem(
        f"{path}: is not whole: it was cut short or damaged, or never was a checkpoint",
        hint="take a copy of it, or train anew with another --out",
    )


def refuse_other(path: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise `CheckpointError`, naming each difference, unless two descriptions of a training agree.

    `stored` is that of the checkpoint at `path`, `wanted` that of the training that shall go on.
    """
    different = [
        f"{name} {_shown(stored.get(name))}, not {_shown(wanted.get(name))}"
        for name in dict.fromkeys((*wanted, *stored))
        if stored.get(name) != wanted.get(name)
    ]
    if different:
        raise CheckpointError(
            Problem(
                f"{path}: is of another training: it has {'; '.join(different)}",
                hint="say what it was started with, or choose another --out",
            )
        )


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return ",".join(f"{name}={_cut(part)}" for name, part in value.items()) or "none"
    return printable(_cut(value))


def _cut(value: Any) -> str:
    # A value in a file can be nested deeply or be long: `reprlib` writes only some of it.
    return value if isinstance(value, str) else reprlib.repr(value)


def load_state(module: Any, state: Mapping[str, Any], path: Path) -> None:
    """Load the `state` from the file `path` into a module.

    Raises `CheckpointError` where names or shapes are not those of the module, and where a tensor
    that has two names there has two values in the file.
    """
    own = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    if not isinstance(state, Mapping):
        raise CheckpointError(f"{path}: has no weights where they should be")
    for name in dict.fromkeys((*own, *state)):
        if name not in state or name not in own:
            whose = "does not have" if name in own else "has, and the network has not,"
            raise CheckpointError(f"{path}: is of another network: it {whose} `{name}`")
        if not torch.is_tensor(state[name]):
            raise CheckpointError(f"{path}: its `{name}` is no tensor")
        if tuple(state[name].shape) != own[name]:
            raise CheckpointError(
                f"{path}: is of another network: `{name}` is {list(state[name].shape)} there and "
                f"{list(own[name])} here"
            )
    names: dict[int, str] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        first = names.setdefault(id(tensor), name)
        if first != name and not torch.equal(state[first], state[name]):
            raise CheckpointError(
                f"{path}: is of another network: `{first}` and `{name}` are one tensor here and "
                "differ there"
            )
    module.load_state_dict(state)


class Weights(NamedTuple):
    """Trained weights, and what their file says about them."""

    state: Mapping[str, Any]
    """Tensors by name, as in `state_dict`."""
    knobs: Mapping[str, Any]
    """The knobs of the network."""
    classes: tuple[str, ...] | None
    """The names of the classes, in the order of the outputs."""


def load_weights(path: Path) -> Weights:
    """The averaged weights of a checkpoint; `CheckpointError` if it is no checkpoint with them."""
    content = load_checkpoint(path, ("average", "training", "classes"))
    training, classes = content["training"], content["classes"]
    knobs = training.get("knobs") if isinstance(training, Mapping) else None
    if not isinstance(knobs, Mapping) or not isinstance(classes, list):
        wrong = "classes" if isinstance(knobs, Mapping) else "training"
        raise CheckpointError(f"{path}: its `{wrong}` is not as training writes it")
    return Weights(content["average"], knobs, tuple(classes))
