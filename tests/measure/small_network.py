"""A small network with what runtimes fuse, merge and convert, and what leads from it to layers."""

from __future__ import annotations

from pathlib import Path

from spec_text import network

from mnet_cost.measure.runs.artifacts import Runnable

TEXT = """
input: {image: [3, 16, 16]}
layers:
  - {id: stem, conv2d: {channels: 16, kernel: 3, padding: same}}
  - {id: stem_norm, batch_norm: {}}
  - {id: six, relu6: {}}
  - {id: once, relu: {}, from: stem_norm}
  - {id: twice, relu: {}, from: stem_norm}
  - {id: both, concat: [once, twice, six]}
  - {id: depthwise, depthwise_conv2d: {kernel: 3, padding: same}}
  - {id: swish, hard_swish: {}}
  - {id: pool, global_avg_pool: {}}
  - {id: pixel, reshape: {shape: [48, 1, 1]}}
  - {id: squeeze, conv2d: {channels: 48, kernel: 1}}
  - {id: gate, hard_sigmoid: {}}
  - {id: gated, multiply: [swish, gate]}
  - {id: project, conv2d: {channels: 16, kernel: 1}}
  - {id: sum, add: [six, project]}
  - {id: halves, split: {parts: 2}}
  - {id: smooth, silu: {}, from: halves.1}
  - {id: whole, concat: [halves.0, smooth]}
  - {id: shuffled, channel_shuffle: {groups: 2}}
  - {id: rows, to_sequence: {}}
  - {id: norm, layer_norm: {}}
  - {id: attend, attention: {heads: 2}}
  - {id: wide, linear: {features: 32}}
  - {id: smooth_wide, gelu: {}}
  - {id: drop, dropout: {rate: 0.5}}
  - {id: head, linear: {features: 5}}
"""

DO_NOTHING = {"drop"}
"""Layers that are nodes of no file."""


def small(folder: Path) -> Runnable:
    """The network, to be run in `folder`."""
    return Runnable("small@x=1", network(TEXT), folder)
