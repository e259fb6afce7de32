"""`extends`: a spec that patches another equals a patched copy; errors name the file of a line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnet_cost import analyze, load_model
from mnet_cost.errors import MnetCostError, SpecError
from mnet_cost.models import extends
from mnet_cost.models.catalog import read_catalog
from mnet_cost.models.dump import dump_spec
from mnet_cost.models.library import model_names, model_path
from mnet_cost.models.load import parse_spec, read_spec
from mnet_cost.models.types import ModelSpec
from mnet_cost.models.variants import PATCHED
from mnet_cost.network import elaborate
from mnet_cost.report.analysis import analysis_report
from mnet_cost.yamlfile import read_yaml

PARENT = """\
format: 1
name: parent
source: a paper
knobs:
  alpha: {default: 1.0, choices: [0.5, 1.0], help: width}
  classes: 10
let:
  width(channels): floor(channels * alpha)
input: {image: [3, 32, 32]}
blocks:
  conv:
    arguments: {channels: required, act: relu}
    layers:
      - conv2d: {channels: width(channels), kernel: 3}
      - act
  spare: {layers: [relu]}
layers:
  - {id: stem, conv: {channels: 8}}
  - conv: {channels: 16}
  - conv: {channels: 32}
  - relu
  - {id: pool, global_avg_pool: {}}
  - {id: logits, linear: {features: classes}}
variants:
  wide: {knobs: {alpha: {default: 2.0, choices: null}}, layers: {stem: {conv: {channels: 12}}}}
  idle: {}
published:
  "a paper, Table 1":
    - {top1: 70.6, mult_adds: 569 M}
"""


def child(text: str, name: str = "child") -> str:
    return f"format: 1\nname: {name}\n{text}"


def message_of(folder: Path, files: dict[str, str], asked: str = "child.yaml") -> str:
    """What loading a file says, without the folder that all stand in."""
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    with pytest.raises(MnetCostError) as caught:
        elaborate(read_spec(str(folder / asked)))
    return str(caught.value).replace(f"{folder}{os.sep}", "")


def of_parent(folder: Path, text: str) -> ModelSpec:
    """The spec in `child.yaml` of that text beside the parent."""
    (folder / "parent.yaml").write_text(PARENT)
    (folder / "child.yaml").write_text(child("extends: parent.yaml\n" + text))
    return read_spec(str(folder / "child.yaml"))


def network_of(spec: ModelSpec) -> dict[str, object]:
    return {part: spec.data[part] for part in PATCHED if part in spec.data}


def rows(spec: ModelSpec) -> list[tuple[object, ...]]:
    return [
        (cost.step.name, cost.step.layer, cost.output, cost.work) for cost in analyze(spec).layers
    ]


# --- what comes along


@pytest.mark.parametrize("name", model_names())
def test_a_spec_that_changes_nothing_is_its_parent(name: str) -> None:
    parent = load_model(name).spec
    spec = parse_spec(child(f"extends: {name}\n"))
    assert network_of(spec) == network_of(parent)
    assert spec.knobs == parent.knobs
    assert (spec.name, spec.source, spec.published, spec.variants) == ("child", "", (), ())
    assert not spec.warnings
    for variant in parent.variants:
        of_variant = parse_spec(child(f"extends: {name}:{variant}\n"))
        assert network_of(of_variant) == network_of(load_model(f"{name}:{variant}").spec)


@pytest.mark.parametrize("name", ["mobilenet_v2", "lraspp_mobilenet_v3_large"])
def test_source_for_torch_is_that_of_the_parent(name: str) -> None:
    pytest.importorskip("torch")
    from mnet_cost.torch_model.source.write import write_source

    same = parse_spec(child(f"extends: {name}\n", name))
    parent = load_model(name)
    texts = [write_source(elaborate(spec)) for spec in (same, parent.spec)]
    stated = f"Source: {parent.spec.source}."
    assert texts[0] != texts[1]
    without = [re.sub(r'(?s)""".*?"""', "", text) for text in texts]
    assert without[0] == without[1]
    assert stated.split(";")[0] in texts[1]


def test_a_patch_is_what_a_copy_would_be(tmp_path: Path) -> None:
    spec = of_parent(
        tmp_path,
        """\
knobs: {alpha: 0.5, classes: null, extra: {default: 2, help: how many}}
let: {features: 7 * extra}
input: {image: [1, 16, 16]}
blocks:
  spare: null
  conv:
    arguments: {channels: required, act: relu}
    layers:
      - conv2d: {channels: width(channels), kernel: 5}
      - act
  added: {layers: [relu6]}
layers:
  stem: {conv: {channels: 8, act: added}}
  conv_2: {repeat: extra}
  relu: tanh
  pool:
    - {id: pool, global_max_pool: {}}
    - dropout
  logits: {linear: {features: features}}
outputs: [logits, pool]
""",
    )
    copy = parse_spec(
        child("""\
knobs:
  alpha: {default: 0.5, choices: [0.5, 1.0], help: width}
  extra: {default: 2, help: how many}
let:
  width(channels): floor(channels * alpha)
  features: 7 * extra
input: {image: [1, 16, 16]}
blocks:
  conv:
    arguments: {channels: required, act: relu}
    layers:
      - conv2d: {channels: width(channels), kernel: 5}
      - act
  added: {layers: [relu6]}
layers:
  - {id: stem, conv: {channels: 8, act: added}}
  - conv: {channels: 16}
  - {conv: {channels: 32}, repeat: extra}
  - tanh
  - {id: pool, global_max_pool: {}}
  - dropout
  - {id: logits, linear: {features: features}}
outputs: [logits, pool]
""")
    )
    assert spec == copy
    assert rows(spec) == rows(copy)
    assert parse_spec(dump_spec(spec)) == spec
    assert "extends" not in dump_spec(spec)


@pytest.mark.parametrize(
    "part", [part for part in PATCHED if part not in ("precision", "layers", "outputs")]
)
@pytest.mark.parametrize("nothing", ["", " {}"])
def test_a_part_with_nothing_in_it_changes_nothing(part: str, nothing: str, tmp_path: Path) -> None:
    assert of_parent(tmp_path, f"{part}:{nothing}\n") == of_parent(tmp_path, "")
    of_variant = PARENT.replace("  idle: {}", f"  idle: {{{part}: {nothing}}}")
    assert network_of(parse_spec(of_variant, "idle")) == network_of(parse_spec(PARENT, "idle"))


def test_names_of_entries_are_those_of_reports() -> None:
    """Whatever names an entry has in a report, it is patched by."""
    names = [cost.step.name.split(".")[0] for cost in analyze("mobilenet_v2").layers]
    for name in dict.fromkeys(names):
        spec = parse_spec(child(f"extends: mobilenet_v2\nlayers: {{{name}: null}}\n"))
        left = [step.name.split(".")[0] for step in elaborate(spec).steps]
        assert len(dict.fromkeys(left)) == len(dict.fromkeys(names)) - 1


@pytest.mark.parametrize(
    ("let", "channels"),
    [
        ("{width(c): c + 1}", 9),
        ("{width(channels): channels + 2}", 10),
        ("{'width( channels )': channels + 3}", 11),
        ("{more: 4, width(c): c + more}", None),
        ("{width(c): c * 2, more: 4}", 16),
    ],
)
def test_a_function_is_replaced_whatever_its_parameters_are_called(
    let: str, channels: int | None, tmp_path: Path
) -> None:
    if channels is None:  # it stays in its place, and may use what stands above
        with pytest.raises(SpecError, match="`more` is not known yet"):
            of_parent(tmp_path, f"let: {let}\n")
        return
    network = elaborate(of_parent(tmp_path, f"let: {let}\n"))
    assert network.steps[0].layer.channels == channels  # type: ignore[attr-defined]


def test_a_function_is_removed_by_its_name(tmp_path: Path) -> None:
    patch = "let: {width: null}\nblocks: {conv: {arguments: {channels: 1}, layers: [relu]}}\n"
    assert not of_parent(tmp_path, patch).definitions


def test_entries_in_a_group_without_a_name_are_patched_by_theirs() -> None:
    text = """\
format: 1
name: x
input: {x: [3, 8, 8]}
layers:
  - relu
  - when: true
    layers:
      - relu
      - {layers: [tanh, relu, {id: deep, sigmoid: {}}]}
  - {use: deep, id: again}
  - {layers: [tanh], repeat: 2}
  - {use: again}
variants:
  v: {layers: {relu_3: relu6, tanh: null, deep: {hard_swish: {}}, group: null, again_2: [tanh]}}
"""
    steps = elaborate(parse_spec(text, "v")).steps
    assert [step.name for step in steps] == ["relu", "relu_2", "relu6", "deep", "again", "tanh"]
    assert steps[3].layer.kind == "hard_swish"


def test_variants_and_figures_are_its_own(tmp_path: Path) -> None:
    spec = of_parent(
        tmp_path,
        """\
source: mine
knobs: {alpha: 0.5}
variants: {small: {layers: {conv_2: null}}}
published: {"mine, Table 1": [{top1: 50.0}, {variant: small, at: {alpha: 1.0}, top1: 40.0}]}
""",
    )
    assert spec.variants == ("small",)
    assert [row.texts for row in spec.published] == [{"top1": "50.0"}, {"top1": "40.0"}]
    small = read_spec(str(tmp_path / "child.yaml"), "small")
    assert len(small.entries) == len(spec.entries) - 1
    assert [row.figures["top1"].text for row in small.published] == ["40.0"]
    assert load_model(f"{tmp_path}/child.yaml:small@alpha=1.0").spec == small


def test_a_variant_can_be_extended(tmp_path: Path) -> None:
    (tmp_path / "parent.yaml").write_text(PARENT)
    (tmp_path / "child.yaml").write_text(child("extends: parent.yaml:wide\nknobs: {alpha: 3.0}\n"))
    spec = read_spec(str(tmp_path / "child.yaml"))
    assert (spec.knobs["alpha"].default, spec.knobs["alpha"].choices) == (3.0, ())
    assert elaborate(spec).steps[0].layer.channels == 36  # type: ignore[attr-defined]
    assert parse_spec(child("extends: resnet50\n")) == parse_spec(
        child("extends: resnet:resnet50\n")
    )


def test_a_chain(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "parent.yaml").write_text(PARENT)
    (tmp_path / "b.yaml").write_text(
        child(
            "extends: c/parent.yaml\nlayers: {relu: null}\nvariants: {v: {knobs: {classes: 3}}}\n"
        )
    )
    (tmp_path / "a.yaml").write_text(child("extends: b.yaml:v\nlayers: {conv: null}\n"))
    steps = elaborate(read_spec(str(tmp_path / "a.yaml"))).steps
    assert [step.name for step in steps] == [
        "stem.conv2d", "stem.act", "conv.conv2d", "conv.act", "pool", "logits",
    ]  # fmt: skip
    assert steps[-1].layer.features == 3  # type: ignore[attr-defined]


def test_warnings_are_about_the_own_file(tmp_path: Path) -> None:
    spec = of_parent(
        tmp_path, "knobs: {more: 1}\nblocks: {lone: {layers: [relu]}}\nlayers: {logits: null}\n"
    )
    assert [warning.message for warning in spec.warnings] == [
        "the knob `more` is not used",
        "the block `lone` is not used",
    ]


def test_warnings_about_a_line_of_the_parent_say_so(tmp_path: Path) -> None:
    (warning,) = elaborate(
        of_parent(tmp_path, "layers: {logits: {flatten: {}, from: stem}}\n")
    ).warnings
    assert warning.message == "no output depends on `pool`"
    assert warning.trail == (f"extended at {tmp_path}/child.yaml:3:10",)


def test_rows_say_whose_line_it_is(tmp_path: Path) -> None:
    spec = of_parent(tmp_path, "layers: {logits: {linear: {features: 3}}}\n")
    analysis = analyze(spec)
    document = analysis_report(analysis).document()
    by_name = {layer["name"]: layer for layer in document["layers"]}
    assert (by_name["logits"]["line"], "spec" in by_name["logits"]) == (4, False)
    assert by_name["pool"]["line"] == 22
    assert by_name["pool"]["spec"] == str(tmp_path / "parent.yaml")
    table = next(table for table in analysis_report(analysis).tables if table.key == "layers")
    keys = [column.key for column in table.columns]
    places = {row[0]: (row[keys.index("line")], row[keys.index("spec")]) for row in table.rows}
    assert places["logits"] == (4, str(tmp_path / "child.yaml"))
    assert places["stem"] == (18, str(tmp_path / "parent.yaml"))


def test_groups_at_the_same_line_of_two_files_are_two_classes(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from mnet_cost.torch_model.source.write import write_source

    (tmp_path / "parent.yaml").write_text(
        "format: 1\nname: p\ninput: {x: [3, 8, 8]}\nlayers:\n"
        "  - {id: a, layers: [conv2d: {channels: 4, kernel: 1}, relu]}\n  - {id: b, tanh: {}}\n"
    )
    (tmp_path / "child.yaml").write_text(
        child(
            "extends: parent.yaml\nlayers:\n"
            "  b: {layers: [batch_norm, linear: {features: 4}, sigmoid]}\n"
        )
    )
    copy = parse_spec(
        child(
            "input: {x: [3, 8, 8]}\nlayers:\n"
            "  - {id: a, layers: [conv2d: {channels: 4, kernel: 1}, relu]}\n"
            "  - {id: b, layers: [batch_norm, linear: {features: 4}, sigmoid]}\n"
        )
    )
    spec = read_spec(str(tmp_path / "child.yaml"))
    assert write_source(elaborate(spec)) == write_source(elaborate(copy))


def test_the_backbone_is_read_once() -> None:
    extends._root_of.cache_clear()
    for network in read_catalog().networks:
        if "v3_large" in network.family:
            load_model(network.names[0])
    # four specs extend it, some with variants
    assert extends._root_of.cache_info().misses == 1
    assert extends._root_of.cache_info().hits >= 3


def test_a_parent_that_changes_is_read_again(tmp_path: Path) -> None:
    first = of_parent(tmp_path, "")
    (tmp_path / "parent.yaml").write_text(PARENT.replace("channels: 32", "channels: 33"))
    assert read_spec(str(tmp_path / "child.yaml")) != first


def test_specs_without_it_load_nothing_more() -> None:
    code = (
        "import sys, mnet_cost; mnet_cost.analyze('mobilenet_v2');"
        "print('mnet_cost.models.extends' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# --- what is refused


@pytest.mark.parametrize(
    ("extended", "message", "hint"),
    [
        ('""', "`extends` needs the name of a model", "a name of `mnet-cost models`, or a path: "
         "`extends: mobilenet_v2`"),
        ("", "`extends` needs the name of a model", "a name of `mnet-cost models`, or a path: "
         "`extends: mobilenet_v2`"),
        ("[parent.yaml]", "`extends` needs the name of a model", "a name of `mnet-cost models`, "
         "or a path: `extends: mobilenet_v2`"),
        ("mobilenet_v22", "there is no model `mobilenet_v22`", "did you mean `mobilenet_v2`?"),
        ("parent.yaml@alpha=0.5", "`extends` sets no knobs", "a default of its own does: "
         "`knobs: {alpha: 0.5}`"),
        ("parent.yaml:wid", "parent.yaml: there is no variant `wid`", "did you mean `wide`?"),
        ("minimalistic", "`minimalistic` is a variant of several models",
         "say `mobilenet_v3_large:minimalistic` or `mobilenet_v3_small:minimalistic`"),
        ("parant.yaml", "parant.yaml: cannot be read: no such file or directory",
         "did you mean `parent.yaml`?"),
        ("mobilenet_v2.yaml", "mobilenet_v2.yaml: cannot be read: no such file or directory",
         "`mobilenet_v2` is shipped: its name has no folder and no ending"),
        ("net.onnx", "net.onnx: is an ONNX model, and a spec in YAML is needed here",
         "`mnet-cost import` makes a spec of it"),
        ("net.h5", "net.h5: is a model of Keras in HDF5, which is not read", "save it as .keras: "
         "`keras.models.load_model(FILE).save('net.keras')`"),
        ("net.mlmodel", "net.mlmodel: is a Core ML model, which is not read", "a model is a spec "
         "in YAML, or a file that ends in `.onnx`, `.pt2`, `.tflite`, `.param` or `.keras`"),
        ("below", "there is no model `below`", "`mnet-cost models` lists the models; "
         "a file ends in .yaml"),
        ("./below", "below: cannot be read: is a directory", None),
        ("child.yaml", "specs extend each other in a circle: `child.yaml`, which extends "
         "`child.yaml`", None),
        ("below/../child.yaml", "specs extend each other in a circle: `child.yaml`, which extends "
         "`child.yaml`", None),
    ],
)  # fmt: skip
def test_what_cannot_be_extended(
    extended: str, message: str, hint: str | None, tmp_path: Path
) -> None:
    (tmp_path / "below").mkdir()
    found = message_of(
        tmp_path, {"parent.yaml": PARENT, "child.yaml": child(f"extends: {extended}\n")}
    )
    lines = found.splitlines()
    assert lines[0] == f"child.yaml:3:{10 if extended else 9}: {message}"
    assert lines[1] == f"    3 | extends: {extended}".rstrip()
    assert lines[2].strip(" |").startswith("^")
    assert lines[3:] == ([] if hint is None else [f"hint: {hint}"])


@pytest.mark.parametrize(
    "name", ["../other.yaml", "{outside}/other.yaml", "link.yaml", "in/o.yaml"]
)
def test_only_what_is_in_or_below_the_folder(name: str, tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "other.yaml").write_text("secret: [unclosed\n")
    (outside / "o.yaml").write_text("secret: [unclosed\n")
    (tmp_path / "other.yaml").write_text("secret: [unclosed\n")
    (inside / "link.yaml").symlink_to(outside / "other.yaml")
    (inside / "in").symlink_to(outside)
    name = name.replace("{outside}", str(outside))
    found = message_of(inside, {"child.yaml": child(f"extends: {name}\n")})
    assert f"`{name}` is not in the folder of child.yaml, nor below it" in found
    assert "secret" not in found


def test_a_parent_extends_from_its_own_folder(tmp_path: Path) -> None:
    files = {
        "child.yaml": child("extends: sub/b.yaml\n"),
        "sub/b.yaml": child("extends: ../parent.yaml\n"),
        "parent.yaml": PARENT,
    }
    assert message_of(tmp_path, files) == (
        "sub/b.yaml:3:10: `../parent.yaml` is not in the folder of sub/b.yaml, nor below it\n"
        "    3 | extends: ../parent.yaml\n"
        "      |          ^^^^^^^^^^^^^^\n"
        "      extended at child.yaml:3:10\n"
        "hint: a file of data names models of the library, or specs in or below its own folder: "
        "copy the spec there"
    )


def test_a_circle_names_the_files(tmp_path: Path) -> None:
    files = {
        "child.yaml": child("extends: b.yaml\n"),
        "b.yaml": child("extends: c.yaml\n"),
        "c.yaml": child("extends: ./b.yaml\n"),
    }
    assert message_of(tmp_path, files) == (
        "child.yaml:3:10: specs extend each other in a circle: `b.yaml`, which extends `c.yaml`, "
        "which extends `b.yaml`\n"
        "    3 | extends: b.yaml\n"
        "      |          ^^^^^^"
    )


def test_a_circle_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.yaml").symlink_to(tmp_path / "child.yaml")
    found = message_of(tmp_path, {"child.yaml": child("extends: link.yaml\n")})
    assert found.startswith("child.yaml:3:10: specs extend each other in a circle: `child.yaml`, ")


def test_a_long_chain_is_given_up_early(tmp_path: Path) -> None:
    files = {f"{i}.yaml": child(f"extends: {i + 1}.yaml\n") for i in range(1000)}
    files["1000.yaml"] = PARENT
    assert message_of(tmp_path, files, "0.yaml").splitlines()[0] == (
        "0.yaml:3:10: this extends more than 8 specs, one through another"
    )
    spec = read_spec(str(tmp_path / "992.yaml"))
    assert len(spec.entries) == 6


def test_files_of_a_chain_are_bounded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extends, "MAX_BYTES", 2**20)
    files = {f"{i}.yaml": child(f"extends: {i + 1}.yaml\n# {'x' * 200_000}\n") for i in range(8)}
    files["8.yaml"] = PARENT
    assert message_of(tmp_path, files, "0.yaml").splitlines()[0] == (
        "0.yaml:3:10: the specs that this extends are larger than 1 MiB together"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format: 1\nname: x\nbasis: fitted\ncompute: {}\n", "parent.yaml:3:1: this is a device "
         "profile, not a model"),
        ("format: 1\nname: x\nextends: pixel_1\nbasis: fitted\n", "parent.yaml:4:1: this is a "
         "device profile, not a model"),
        ("format: 1\nname: x\ntables: []\n", "parent.yaml:3:1: this is the tables of a paper, "
         "not a model"),
        ("- a\n", "parent.yaml:1:1: a model file is a mapping that starts with `format: 1`"),
        ("a: [1\n", "parent.yaml:1:4: not valid YAML: did not find expected ',' or ']'"),
        ("a: &x 1\n", "parent.yaml:1:4: "),
        (PARENT.replace("format: 1", "format: 2"), "parent.yaml:1:9: this program reads format 1, "
         "not `2`"),
        (PARENT.replace("input: {image: [3, 32, 32]}\n", ""), "parent.yaml:1:1: a model file needs "
         "`input`"),
        (PARENT.replace("outputs", "x").replace("let:", "lett:"), "parent.yaml:7:1: a model file "
         "has no part `lett`"),
        (PARENT.replace("kernel: 3}", "kernal: 3}"), "parent.yaml:14:45: `conv2d` has no "
         "field `kernal`"),
    ],
)  # fmt: skip
def test_a_parent_with_errors_of_its_own(text: str, message: str, tmp_path: Path) -> None:
    found = message_of(
        tmp_path, {"parent.yaml": text, "child.yaml": child("extends: parent.yaml\n")}
    )
    assert found.startswith(message)
    for problem in found.split("\n\n"):
        assert "\n      extended at child.yaml:3:10" in problem


def test_a_parent_can_be_mended(tmp_path: Path) -> None:
    (tmp_path / "parent.yaml").write_text(PARENT.replace("- relu\n", "- rellu\n"))
    (tmp_path / "child.yaml").write_text(child("extends: parent.yaml\nlayers: {rellu: relu}\n"))
    assert len(elaborate(read_spec(str(tmp_path / "child.yaml"))).steps) == 9


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ("layers: {conv_3: null}\n",
         "child.yaml:4:10: there is no entry `conv_3` in `layers`\n"
         "    4 | layers: {conv_3: null}\n"
         "      |          ^^^^^^\n"
         "hint: did you mean `conv_2`?"),
        ("layers: {nowhere: null}\n",
         "child.yaml:4:10: there is no entry `nowhere` in `layers`\n"
         "    4 | layers: {nowhere: null}\n"
         "      |          ^^^^^^^\n"
         "hint: an entry is called by its `id`, else by its kind, with `_2` for the second"),
        ("layers: {stem: {conv: {chanels: 3}}}\n",
         "child.yaml:4:24: `conv` has no argument `chanels`\n"
         "    4 | layers: {stem: {conv: {chanels: 3}}}\n"
         "      |                        ^^^^^^^\n"
         "hint: did you mean `channels`?"),
        ("blocks: {conv: null}\nlayers: {conv_2: null, conv: null}\n",
         "parent.yaml:18:16: there is no layer kind or block `conv`\n"
         "   18 |   - {id: stem, conv: {channels: 8}}\n"
         "      |                ^^^^\n"
         "      extended at child.yaml:3:10\n"
         "      `conv` is changed at child.yaml:4:10\n"
         "      `conv` is changed at child.yaml:5:24\n"
         "hint: did you mean `conv2d`?"),
        ("knobs: {alpha: 0.5}\nlet: {width(channels): channels * alpha / 3}\n",
         "parent.yaml:14:28: `channels` needs a whole number, not 1.3333333333333333: use "
         "floor(...), round(...) or make_divisible(...)\n"
         "   14 |       - conv2d: {channels: width(channels), kernel: 3}\n"
         "      |                            ^^^^^^^^^^^^^^^\n"
         "      in conv (stem), line 18 of parent.yaml\n"
         "      extended at child.yaml:3:10\n"
         "      `width(channels)` is changed at child.yaml:5:7"),
        ("layers: {pool: {conv: {channels: 1}}}\n", None),
        ("layers: [add]\n",
         "child.yaml:4:10: `add` needs at least 2 inputs, not 1\n"
         "    4 | layers: [add]\n"
         "      |          ^^^\n"
         "hint: list them: `add: [input, previous]`"),
        ("zoo: 3\n",
         "child.yaml:4:1: a model file has no part `zoo`\n"
         "    4 | zoo: 3\n"
         "      | ^^^\n"
         "hint: a model file has `format`, `name`, `source`, `extends`, `precision`, `knobs`, "
         "`let`, `input`, `blocks`, `layers`, `outputs`, `variants`, `published` and `budgets`"),
        ("published: {t: [{variant: wide, top1: 3}]}\n",
         "child.yaml:4:27: there is no variant `wide`\n"
         "    4 | published: {t: [{variant: wide, top1: 3}]}\n"
         "      |                           ^^^^\n"
         "hint: the file has no variants"),
    ],
)  # fmt: skip
def test_errors_of_a_patch(patch: str, expected: str | None, tmp_path: Path) -> None:
    if expected is None:
        elaborate(of_parent(tmp_path, patch))
        return
    files = {"parent.yaml": PARENT, "child.yaml": child("extends: parent.yaml\n" + patch)}
    assert message_of(tmp_path, files) == expected


def test_errors_of_the_own_file_come_first(tmp_path: Path) -> None:
    patch = "extends: parent.yaml\nblocks: {spare: null, conv: null, x: {layers: [rellu]}}\n"
    found = message_of(tmp_path, {"parent.yaml": PARENT, "child.yaml": child(patch)})
    places = re.findall(r"^(\w+)\.yaml:\d+", found, re.MULTILINE)
    assert places == ["child", "parent", "parent", "parent"]


def test_a_name_alone_is_all_that_text_without_a_file_extends(tmp_path: Path) -> None:
    assert len(parse_spec(child("extends: mobilenet_v2\n")).entries) == 16
    with pytest.raises(SpecError) as caught:
        parse_spec(child("extends: parent.yaml\n"))
    assert str(caught.value) == (
        "<text>:3:10: there is no folder to seek `parent.yaml` in: <text> is not a file\n"
        "    3 | extends: parent.yaml\n"
        "      |          ^^^^^^^^^^^\n"
        "hint: without one a spec extends models of the library only"
    )
    (tmp_path / "parent.yaml").write_text(PARENT)
    spec = parse_spec(child("extends: parent.yaml\n"), path=str(tmp_path / "not_there.yaml"))
    assert len(spec.entries) == 6


@pytest.mark.parametrize("text", ["extends: mobilenet_v2\n", "extends: ./parent.yaml\n"])
def test_stdin(text: str, tmp_path: Path) -> None:
    (tmp_path / "parent.yaml").write_text(PARENT)
    root = str(Path(model_path("vgg")).resolve().parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "mnet_cost", "analyze", "-", "--format", "json", "--device", "none"],
        input=child(text),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        check=False,
    )
    if "./" in text:
        assert done.returncode == 2
        assert "there is no folder to seek `./parent.yaml` in: stdin is not a file" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert '"mult_adds": 300774272' in done.stdout


# --- patches at random: the same as a copy that a person would write


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_patched_at_random(data: st.DataObject) -> None:
    """Rows replaced, removed and put in, by the names that a report has."""
    lines = read_yaml(model_path("mobilenet_v2")).plain()
    names = _names(lines["layers"])
    rows = lines["layers"]
    patch: dict[str, object] = {}
    copied: list[object] = []
    for name, row in zip(names, rows, strict=True):
        change = data.draw(st.sampled_from(["keep", "keep", "remove", "replace", "several"]))
        if change == "keep" or name == "stem":
            copied.append(row)
        elif change == "remove":
            patch[name] = None
        elif change == "replace":
            patch[name] = "tanh"
            kept = {"id": row["id"]} if isinstance(row, dict) and "id" in row else {}
            copied.append({**kept, "tanh": None})
        else:
            patch[name] = ["sigmoid", {"batch_norm": {"affine": False}}]
            copied += ["sigmoid", {"batch_norm": {"affine": False}}]
    spec = parse_spec(child(f"extends: mobilenet_v2\nlayers: {json.dumps(patch)}\n"))
    own = {key: value for key, value in lines.items() if key in PATCHED}
    copy = parse_spec(json.dumps({"format": 1, "name": "child", **own, "layers": copied}))
    spec_rows = [(step.name, step.layer) for step in elaborate(spec).steps]
    assert spec_rows == [(step.name, step.layer) for step in elaborate(copy).steps]


def _names(layers: list[object]) -> list[str]:
    """Names of entries, worked out anew from what the documentation says."""
    names: list[str] = []
    counts: dict[str, int] = {}
    for row in layers:
        kind = row if isinstance(row, str) else next(iter(set(row) - {"id", "from", "when"}))  # type: ignore[call-overload]
        if isinstance(row, dict) and "id" in row:
            names.append(row["id"])
            continue
        counts[kind] = counts.get(kind, 0) + 1
        names.append(kind if counts[kind] == 1 else f"{kind}_{counts[kind]}")
    return names
