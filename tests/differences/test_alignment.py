"""Which layer is which: names given by counting are weak evidence, ids and order strong ones."""

from __future__ import annotations

import random
from time import process_time

import pytest

from mnet_cost.analysis import analyze
from mnet_cost.differences.alignment import align_layers
from mnet_cost.differences.correspondence import correspond
from mnet_cost.differences.snapshots import Snapshot, snapshot_of
from mnet_cost.models.load import parse_spec

HEAD = "format: 1\nname: net\ninput: {image: [3, 16, 16]}\n"
CONV = "  - conv2d: {{channels: {}, kernel: 3}}\n"


def network(layers: str, blocks: str = "") -> Snapshot:
    return snapshot_of(analyze(parse_spec(HEAD + blocks + "layers:\n" + layers)))


def aligned(first: Snapshot, other: Snapshot) -> dict[str, str]:
    """Names of the layers of `first` by those of `other`."""
    pairs = correspond(first, other).pairs
    assert len({mine for mine, _ in pairs}) == len({theirs for _, theirs in pairs}) == len(pairs)
    return {other.layers[theirs].name: first.layers[mine].name for mine, theirs in pairs}


def chain(*channels: int) -> str:
    return "".join(CONV.format(each) + "  - relu\n" for each in channels)


def test_a_layer_that_is_inserted_renames_those_after_it() -> None:
    pairs = aligned(network(chain(8, 16, 32, 64)), network(chain(8, 24, 16, 32, 64)))
    assert pairs["conv2d"] == "conv2d"
    assert "conv2d_2" not in pairs
    assert [pairs[f"conv2d_{n}"] for n in (3, 4, 5)] == ["conv2d_2", "conv2d_3", "conv2d_4"]
    assert [pairs[f"relu_{n}"] for n in (4, 5)] == ["relu_3", "relu_4"]
    assert len(pairs) == 8


@pytest.mark.parametrize("place", range(5))
def test_a_layer_that_is_inserted_among_equal_ones_is_one_layer(place: int) -> None:
    layers = [CONV.format(8)] * 4
    more = [*layers[:place], CONV.format(8), *layers[place:]]
    assert len(aligned(network("".join(layers)), network("".join(more)))) == 4


def test_a_layer_that_is_removed_from_the_start_renames_all() -> None:
    pairs = aligned(network(chain(8, 16, 32)), network(chain(16, 32)))
    assert (pairs["conv2d"], pairs["conv2d_2"]) == ("conv2d_2", "conv2d_3")
    assert len(pairs) == 4


def test_a_changed_layer_is_the_same_layer() -> None:
    pairs = aligned(network(chain(8, 16, 32)), network(chain(8, 20, 32)))
    assert all(name == before for name, before in pairs.items())
    assert len(pairs) == 6


def test_all_layers_may_be_changed_and_one_inserted() -> None:
    first = network(chain(8, 16, 32))
    pairs = aligned(first, network("  - batch_norm\n" + chain(4, 8, 16)))
    assert all(name == before for name, before in pairs.items())
    assert len(pairs) == 6


def test_an_id_goes_over_equal_fields() -> None:
    first = "  - {id: a, conv2d: {channels: 8, kernel: 3}}\n  - {id: b, conv2d: {channels: 9}}\n"
    first = first.replace("channels: 9", "channels: 9, kernel: 3")
    other = first.replace("channels: 8", "channels: 7").replace("channels: 9", "channels: 8")
    assert aligned(network(first), network(other)) == {"a": "a", "b": "b"}


def test_another_id_is_a_new_name() -> None:
    first = "  - {id: a, conv2d: {channels: 8, kernel: 3}}\n  - relu\n"
    pairs = aligned(network(first), network(first.replace("id: a", "id: c")))
    assert pairs == {"c": "a", "relu": "relu"}


BODY = """\
blocks:
  body:
    layers:
      - conv2d: {channels: 8, kernel: 3}
      - batch_norm
      - relu
"""


def test_blocks_that_are_wrapped_are_the_same() -> None:
    first = network("  - body: {}\n  - {id: middle, body: {}, repeat: 3}\n", BODY)
    wrapped = (
        "  - id: stage\n    layers:\n    - body: {}\n    - {id: middle, body: {}, repeat: 3}\n"
    )
    pairs = aligned(first, network(wrapped, BODY))
    assert pairs == {f"stage.{name}": name for name in pairs.values()}
    assert len(pairs) == 12


def test_layers_that_become_a_block_are_the_same() -> None:
    flat = network(CONV.format(8) + "  - batch_norm\n  - relu\n")
    pairs = aligned(flat, network("  - body: {}\n", BODY))
    assert pairs == {f"body.{name}": name for name in ("conv2d", "batch_norm", "relu")}


def test_another_number_of_copies_adds_the_last_ones() -> None:
    two, four = (network(f"  - {{id: m, body: {{}}, repeat: {n}}}\n", BODY) for n in (2, 4))
    assert set(aligned(two, four)) == {
        f"m.{copy}.{name}" for copy in (1, 2) for name in ("conv2d", "batch_norm", "relu")
    }


def test_blocks_that_change_places_are_found_by_their_ids() -> None:
    a, b = (f"  - {{id: {name}, body: {{}}}}\n" for name in "ab")
    pairs = aligned(network(a + b, BODY), network(b + a, BODY))
    assert all(name == before for name, before in pairs.items())
    assert len(pairs) == 6


def test_layers_of_one_kind_in_other_places_are_two() -> None:
    blocks = BODY + "  other:\n    layers:\n      - {id: x, conv2d: {channels: 4, kernel: 1}}\n"
    first = network("  - {id: m, body: {}}\n  - sigmoid\n", blocks)
    other = network("  - sigmoid\n  - {id: n, layers: [other: {}]}\n", blocks)
    assert aligned(first, other) == {"sigmoid": "sigmoid"}


def test_a_thousand_layers_without_ids_are_aligned_in_half_a_second() -> None:
    """Random chains of which nothing is equal at either end: the slowest there are."""
    rng = random.Random(0)
    sizes = [[rng.choice((4, 8, 16)) for _ in range(150)] for _ in range(2)]
    layers = [network(chain(*each)).layers * 3 for each in sizes]
    start = process_time()
    pairs = align_layers(*layers)
    assert process_time() - start < 5  # 0.4 s on a quiet machine
    assert [other for _, other in pairs] == sorted({other for _, other in pairs})
    assert [mine for mine, _ in pairs] == sorted({mine for mine, _ in pairs})
