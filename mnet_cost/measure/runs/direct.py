"""Networks whose ONNX file is written directly where that can be, so that it takes milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runs.direct_onnx import small_graph_file
from mnet_cost.models.library import load_model
from mnet_cost.models.types import BATCH
from mnet_cost.network import elaborate


class DirectRunnable(Runnable):
    """A network; torch exports what cannot be written directly."""

    def _export(self) -> tuple[Path, Mapping[str, tuple[str, ...]]]:
        path = self.file(".onnx")
        layers = small_graph_file(self.network, path)
        return super()._export() if layers is None else (path, layers)


def runnable_of(reference: str, folder: Path) -> DirectRunnable:
    """The network of a reference at batch 1, its files in a folder of their own."""
    model = load_model(reference)
    own = folder / str(len(list(folder.iterdir())))
    own.mkdir()
    return DirectRunnable(reference, elaborate(model.spec, {**model.knobs, BATCH: 1}), own)
