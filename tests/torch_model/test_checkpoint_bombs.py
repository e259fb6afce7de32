"""Checkpoints that are small on the disk and large in memory, or no files at all."""

from __future__ import annotations

import os
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from mnet_cost.torch_model.export import read_weights  # noqa: E402
from mnet_cost.torch_model.training.checkpoint import (  # noqa: E402
    FORMAT,
    CheckpointError,
    load_checkpoint,
)

READERS: list[Callable[[Path], Any]] = [load_checkpoint, read_weights]


@pytest.fixture(params=READERS, ids=lambda reader: reader.__name__)
def reader(request: pytest.FixtureRequest) -> Callable[[Path], Any]:
    """What reads weights from a file."""
    read: Callable[[Path], Any] = request.param
    return read


def test_a_checkpoint_that_unpacks_to_more_than_its_size(
    tmp_path: Path, reader: Callable[[Path], Any]
) -> None:
    whole, packed = tmp_path / "whole.pt", tmp_path / "packed.pt"
    torch.save({"format": FORMAT, "average": {"w": torch.zeros(1_000_000)}}, whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        held = sum(member.file_size for member in old.infolist())
        for member in old.infolist():
            new.writestr(member.filename, old.read(member))
    assert packed.stat().st_size < 10_000
    with pytest.raises(CheckpointError) as caught:
        reader(packed)
    assert str(caught.value) == (
        f"{packed}: has {packed.stat().st_size:,} bytes and says that it holds {held:,}\n"
        "hint: a checkpoint is not compressed; take one that torch wrote"
    )
    assert reader(whole)


def test_a_named_pipe(tmp_path: Path, reader: Callable[[Path], Any]) -> None:
    path = tmp_path / "pipe.pt"
    os.mkfifo(path)
    with pytest.raises(CheckpointError, match="it is a named pipe, not a file"):
        reader(path)


def test_weights_of_the_older_format_are_read(tmp_path: Path) -> None:
    path = tmp_path / "old.pt"
    torch.save({"w": torch.ones(3)}, path, _use_new_zipfile_serialization=False)
    assert read_weights(path)["w"].tolist() == [1, 1, 1]


class _Room:
    """Pickled as a call that asks for memory."""

    def __reduce__(self) -> tuple[type[bytearray], tuple[int]]:
        return bytearray, (300 * 2**20,)


@pytest.mark.parametrize("archive", [True, False])
def test_a_checkpoint_that_asks_for_memory(
    tmp_path: Path, reader: Callable[[Path], Any], archive: bool
) -> None:
    path = tmp_path / "room.pt"
    torch.save({"format": _Room()}, path, _use_new_zipfile_serialization=archive)
    if reader is load_checkpoint and not archive:
        with pytest.raises(CheckpointError):  # checkpoints are archives
            reader(path)
        return
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CheckpointError) as caught:
        reader(path)
    assert str(caught.value) == (
        f"{path}: holds a bytearray, so it is not read: its size could be anything\n"
        "hint: a checkpoint of `mnet-cost train` or a state_dict of torch is read"
    )
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_a_format_that_doubles_is_not_written_out(tmp_path: Path) -> None:
    said: Any = ()
    for _ in range(60):
        said = (said, said)
    path = tmp_path / "doubling.pt"
    torch.save({"format": said}, path)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert str(caught.value) == (
        f"{path}: is no checkpoint of this version of mnet-cost: it says no format\n"
        "hint: checkpoint.pt and best.pt of a run are"
    )
