"""A small network that runtimes run in tests, with layers of the usual kinds."""

from __future__ import annotations

from pathlib import Path

from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate

SPEC = """\
format: 1
name: small
input: {image: [3, 16, 16]}
layers:
  - {id: stem, conv2d: {channels: 16, kernel: 3, stride: 2}}
  - {id: norm, batch_norm: {}}
  - {id: activation, relu: {}}
  - {id: depthwise, depthwise_conv2d: {kernel: 3}}
  - {id: pointwise, conv2d: {channels: 16, kernel: 1}}
  - {id: sum, add: [activation, pointwise]}
  - {id: pool, global_avg_pool: {}}
  - {id: logits, linear: {features: 5}}
"""


def runnable(folder: Path, spec: str = SPEC, batch: int = 1) -> Runnable:
    """The network of a spec, to run; files go to `folder`."""
    return Runnable("small", elaborate(parse_spec(spec), {"batch": batch}), folder)
