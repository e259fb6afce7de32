"""Checkpoints that are small on the disk and large in memory, or no files at all."""

from __future__ import annotations

import os
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


def test_one_that_unpacks_to_more_than_it_is(tmp_path: Path, reader: Callable[[Path], Any]) -> None:
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
