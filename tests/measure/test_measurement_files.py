"""Files of measured times: what is read, and every way to get one wrong, with its whole message."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnet_cost.errors import MAX_PROBLEMS, MeasurementError
from mnet_cost.measure.measurements import (
    Measurement,
    chosen,
    of_one_setting,
    read_cells,
    read_measurements,
)
from mnet_cost.measure.networks import kernels_of, read_rows
from mnet_cost.models import library
from mnet_cost.yamlfile import Node, read_yaml

HEADER = "model,latency_ms\n"
HINT = "hint: a header is `model,latency_ms,runtime,threads,precision,source`"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str | bytes, name: str = "times.csv") -> str:
    """The name of a file of that text."""
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def read(text: str | bytes, name: str = "times.csv") -> tuple[Measurement, ...]:
    return read_measurements(write(text, name))


def message(text: str | bytes) -> str:
    """What reading a file of that text says."""
    with pytest.raises(MeasurementError) as caught:
        read(text)
    return str(caught.value)


def message_of_networks(rows: tuple[Measurement, ...]) -> str:
    with pytest.raises(MeasurementError) as caught:
        kernels_of(rows, frozenset())
    return str(caught.value)


def test_all_columns() -> None:
    (row,) = read(
        "source,model,latency_ms,device,processor,runtime,precision,threads,batch,family,run,date,"
        "energy_uj,remark\n"
        "a table,mobilenet_v1@alpha=0.5,12.5,pi,BCM2711,ncnn,fp16,4,2,V1,2,2024,7.5,not read\n"
    )
    assert row.model == "mobilenet_v1@alpha=0.5"
    assert row.latency_s == pytest.approx(0.0125)
    assert (row.device, row.processor, row.runtime, row.precision) == (
        "pi", "BCM2711", "ncnn", "fp16",
    )  # fmt: skip
    assert (row.threads, row.batch, row.family, row.run, row.source) == (4, 2, "V1", "2", "a table")
    assert row.energy_j == pytest.approx(7.5e-6)
    assert str(row.span) == "times.csv:2:9"


def test_what_is_not_said() -> None:
    (row,) = read(HEADER + "resnet:resnet50_v1@resolution=96,10\n")
    assert (row.device, row.runtime, row.precision, row.threads) == ("", "", "fp32", None)
    assert (row.batch, row.energy_j, row.family) == (1, None, "resnet")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffmodel,latency_ms\nalexnet,10\n",
        "model,latency_ms\r\nalexnet,10\r\n",
        "model,latency_ms\ralexnet,10\r",
        "model,latency_ms\nalexnet,10",
        " model , latency_ms \n alexnet , 10 \n",
        "\n\nmodel,latency_ms\n\nalexnet,10\n  \n",
        '"model","latency_ms"\n"alexnet","10"\n',
        "model,latency_ms\nalexnet,10,,\n",
        "model,latency_ms,,\nalexnet,1e1,,\n",
        "latency_ms,x,x,model\n10,1,2,alexnet\n",
    ],
    ids=["BOM", "CRLF", "CR", "no end", "blanks", "empty lines", "quotes", "commas at the end",
         "columns without a name", "other columns"],
)  # fmt: skip
def test_other_forms_of_the_same_file(text: str) -> None:
    (row,) = read(text)
    assert (row.model, row.latency_s) == ("alexnet", 0.01)


def test_paths_are_relative_to_the_folder_of_the_file() -> None:
    Path("data of 2024").mkdir()
    rows = read(
        HEADER
        + "./net.yaml,1\nnet.yaml@alpha=0.5,1\nnet@home/my net.yaml:thin@k=1,1\n"
        + f"./net,1\nalexnet,1\n../data of 2024/a/../net.yaml,1\n{Path.cwd()}/data of 2024/net,1\n",
        "data of 2024/times.csv",
    )
    assert [row.model for row in rows] == [
        "data of 2024/net.yaml",
        "data of 2024/net.yaml@alpha=0.5",
        "data of 2024/net@home/my net.yaml:thin@k=1",
        "data of 2024/net",
        "alexnet",
        "data of 2024/net.yaml",
        f"{Path.cwd()}/data of 2024/net",
    ]
    assert rows[2].family == "net@home/my net.yaml"
    (here,) = read(HEADER + "./net,1\n")
    assert here.model == "./net"  # `net` would be a name of the library


SECRET = "root:x:0:0:root:/root:/bin/bash\n"
OUTSIDE = (
    "hint: a file of data names models of the library, or specs in or below its own folder: copy "
    "the spec there"
)


@pytest.mark.parametrize(
    "cell",
    ["../secret.yaml", "{top}/secret", "./a/../../secret", "link.yaml", "folder/secret",
     "../data2/secret@a=1", "..\\..\\secret/../../secret:v"],
    ids=["above", "absolute", "above in the end", "a link", "a folder that is a link",
         "a folder of like name", "marks of another system"],
)  # fmt: skip
def test_a_path_out_of_the_folder_is_not_opened(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a spec would quote its first line."""
    for folder in ("data", "data2"):
        Path(folder).mkdir()
    for file in ("secret", "secret.yaml", "data2/secret"):
        Path(file).write_text(SECRET)
    Path("data/link.yaml").symlink_to("../secret.yaml")
    Path("data/folder").symlink_to("../data2")
    cell = cell.format(top=Path.cwd())
    name = cell.partition("@")[0].removesuffix(":v")
    with pytest.raises(MeasurementError) as caught:
        read("latency_ms,model\n1," + cell + "\n", "data/times.csv")
    first, *_, hint = str(caught.value).splitlines()
    assert first == (
        f"data/times.csv:2:3: `{name}` is not in the folder of data/times.csv, nor below it"
    )
    assert hint == OUTSIDE
    assert "root:x" not in str(caught.value)
    # Nor is it with a cell beside it that is wrong, when all networks are looked for.
    Path("data/times.csv").write_text("latency_ms,model\nfast," + cell + "\n")
    with pytest.raises(MeasurementError) as caught:
        read_rows(["data/times.csv"], {})
    assert "root:x" not in str(caught.value)


def test_a_link_that_stays_in_the_folder_is_followed() -> None:
    Path("sub").mkdir()
    Path("sub/net.yaml").write_text(
        "format: 1\nname: n\ninput: {x: [3, 8, 8]}\nlayers: [global_avg_pool]\n"
    )
    Path("link.yaml").symlink_to("sub/net.yaml")
    assert kernels_of(read(HEADER + "link.yaml,1\n"), frozenset())


@pytest.mark.parametrize("name", ["n" * 300, "é" * 200], ids=["letters", "bytes"])
def test_names_that_no_file_can_have(name: str) -> None:
    assert message_of_networks(read(HEADER + f"{name},1\n")).startswith(
        f"times.csv:2:1: there is no model `{name[:50]}"
    )
    assert message_of_networks(read(HEADER + f"./{name}.yaml,1\n")).startswith(
        f"times.csv:2:1: {name}.yaml: cannot be read: file name too long\n"
    )


@pytest.mark.parametrize(
    "column",
    ["source_device", "device id", "num_threads", "thread_count", "version", "model_size",
     "latency_us", "latency_ms_std", "energy_mj", "energy", "device2", "rate", "data", "patch",
     "process", "procession", "runs", "prun", "sourceDevice", "date of run", "_", "-"],
)  # fmt: skip
def test_a_column_of_another_name_is_not_read(column: str) -> None:
    reading = read_cells(write(f"model,latency_ms,{column}\nalexnet,10,x\n"))
    assert (reading.problems, reading.unread) == ((), (column,))
    assert [row.latency_s for row in reading.rows] == [0.01]


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        ("Device", "device"), ("THREADS", "threads"), ("thread", "threads"), ("theads", "threads"),
        ("precison", "precision"), ("percision", "precision"), ("btach", "batch"),
        ("energy-uJ", "energy_uj"), ("enrgy_uj", "energy_uj"), ("sources", "source"),
        ("Run", "run"), ("runtime_", "runtime"), ("familiy", "family"), ("procesSor", "processor"),
    ],
)  # fmt: skip
def test_a_column_that_is_misspelt(column: str, meant: str) -> None:
    text = f"model,latency_ms,{column}\n"
    assert message(text + "alexnet,10,x\n") == (
        f"times.csv:1:1: there is no column `{column}`\n"
        f"    1 | {text.rstrip()}\n      | {'^' * len(text.rstrip())}\n"
        f"hint: did you mean `{meant}`?"
    )


LEFT_OUT = """\
model,latency_ms,device,precision,threads,batch,energy_uj
alexnet,10,pi,fp32,4,1,
alexnet,fast,mine,fp32,4,1,
lenet6,10,mine,fp32,4,1,
../away.yaml,1,mine,fp32,4,1,
,10,mine,fp32,4,1,
alexnet,10,pi,w8a16,4,1,
alexnet,10,pi,fp32,four,1,
alexnet,10,pi,fp32,4,0,
alexnet,-1,pi,fp16,4,1,-1
alexnet,20,pi,fp32,4.0,1.0,
"""
ASKED = {"device": "pi", "precision": "fp32", "threads": "4", "batch": "1"}


def test_rows_that_are_left_out_are_not_judged() -> None:
    rows = read_rows([write(LEFT_OUT)], ASKED)
    assert [row.latency_s for row in rows.measurements] == [0.01, 0.02]
    with pytest.raises(MeasurementError) as caught:
        read_rows(["times.csv"], {"device": "pi"})
    heads = [part.splitlines()[0] for part in str(caught.value).split("\n\n")]
    assert heads == [
        "times.csv:7:15: there is no precision `w8a16`",
        "times.csv:8:20: `four` in `threads` is no number",
        "times.csv:9:22: `batch` must be above zero, not 0",
        "times.csv:10:9: `latency_ms` must be above zero, not -1",
        "times.csv:10:24: `energy_uj` must be above zero, not -1",
    ]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"threads": "four"}, "times.csv:8:20: `four` in `threads` is no number"),
        ({"precision": "w8a16"}, "times.csv:7:15: there is no precision `w8a16`"),
        ({"model": "lenet6", "device": "pi"}, "no row has the device `pi`\nhint: there is `mine`"),
        ({"device": "her"}, "no row has the device `her`"),
        ({"model": "../away.yaml"}, "times.csv:5:1: `../away.yaml` is not in the folder"),
        ({"remark": "x"}, "rows cannot be chosen by `remark`"),
    ],
)
def test_what_is_asked_for_is_judged(where: dict[str, str], expected: str) -> None:
    with pytest.raises(MeasurementError) as caught:
        read_rows([write(LEFT_OUT)], where)
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "",
            "times.csv: is empty\nhint: a file is a header, "
            "`model,latency_ms,runtime,threads,precision,source`, and a row for each measurement",
            id="empty",
        ),
        pytest.param(
            "\n \n",
            "times.csv: is empty\nhint: a file is a header, "
            "`model,latency_ms,runtime,threads,precision,source`, and a row for each measurement",
            id="blank",
        ),
        pytest.param(
            HEADER,
            "times.csv: has no measurements\nhint: a file is a header, "
            "`model,latency_ms,runtime,threads,precision,source`, and a row for each measurement",
            id="a header only",
        ),
        pytest.param(
            b"model,latency_ms\ncaf\xe9,10\n",
            "times.csv:2: is not UTF-8 text: byte 0xe9\n"
            "hint: save the file with the encoding UTF-8",
            id="no UTF-8",
        ),
        pytest.param(
            "mobilenet_v1,10\n",
            f"""\
times.csv:1:1: there is no column `model`
    1 | mobilenet_v1,10
      | ^^^^^^^^^^^^^^^
{HINT}

times.csv:1:1: there is no column `latency_ms`
    1 | mobilenet_v1,10
      | ^^^^^^^^^^^^^^^
{HINT}""",
            id="no header",
        ),
        pytest.param(
            "\nModel,latency\nalexnet,1\n",
            """\
times.csv:2:1: there is no column `model`
    2 | Model,latency
      | ^^^^^^^^^^^^^
hint: is it `Model`?

times.csv:2:1: there is no column `latency_ms`
    2 | Model,latency
      | ^^^^^^^^^^^^^
hint: is it `latency`?""",
            id="near names",
        ),
        pytest.param(
            "model,latency_ms,Runtme\nalexnet,1,x\n",
            """\
times.csv:1:1: there is no column `Runtme`
    1 | model,latency_ms,Runtme
      | ^^^^^^^^^^^^^^^^^^^^^^^
hint: did you mean `runtime`?""",
            id="an optional column mistyped",
        ),
        pytest.param(
            "model,latency_ms,model\nalexnet,1,x\n",
            """\
times.csv:1:1: the column `model` is there twice
    1 | model,latency_ms,model
      | ^^^^^^^^^^^^^^^^^^^^^^
hint: one of them must go, or have another name""",
            id="a column twice",
        ),
        pytest.param(
            "model;latency_ms\nalexnet;10,5\n",
            """\
times.csv:1:1: the columns are separated by `;`
    1 | model;latency_ms
      | ^^^^^^^^^^^^^^^^
hint: commas go between cells, and a number has a point: `13.4`""",
            id="semicolons",
        ),
        pytest.param(
            "model\tlatency_ms\nalexnet\t10\n",
            """\
times.csv:1:1: the columns are separated by tabs
    1 | model latency_ms
      | ^^^^^^^^^^^^^^^^
hint: commas go between cells, and a number has a point: `13.4`""",
            id="tabs",
        ),
        pytest.param(
            HEADER + 'alexnet,1\n"alexnet,2\nalexnet,3\n',
            """\
times.csv:3:1: this is no CSV: unexpected end of data
    3 | "alexnet,2
      | ^^^^^^^^^^
hint: a quote in this row is not closed""",
            id="a quote that is not closed",
        ),
        pytest.param(
            HEADER + 'alexnet,1\n"alex"net,2\n',
            """\
times.csv:3:1: this is no CSV: ',' expected after '"'
    3 | "alex"net,2
      | ^^^^^^^^^^^
hint: a quote inside of quotes is written twice: `""`""",
            id="a quote in quotes",
        ),
        pytest.param(
            HEADER + "mobilenet_v1@alpha=0.5,resolution=96,10\n",
            """\
times.csv:2:1: this row has more cells than the header
    2 | mobilenet_v1@alpha=0.5,resolution=96,10
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: a cell with a comma stands in quotes: `"net@alpha=1,resolution=96"`""",
            id="too many cells",
        ),
        pytest.param(
            "model,latency_ms,run\nmobilenet_v1@alpha=0.5,resolution=96,10\n",
            """\
times.csv:2:24: `resolution=96` in `latency_ms` is no number
    2 | mobilenet_v1@alpha=0.5,resolution=96,10
      |                        ^^^^^^^^^^^^^
hint: a cell with a comma stands in quotes: `"net@alpha=1,resolution=96"`""",
            id="a comma in a reference where the cells are enough",
        ),
        pytest.param(
            HEADER + ",10\nalexnet\n",
            """\
times.csv:2:1: this row names no `model`
    2 | ,10
      | ^^^
hint: which network was measured?

times.csv:3:1: this row has no `latency_ms`
    3 | alexnet
      | ^^^^^^^
hint: leave the row out""",
            id="too few cells",
        ),
    ],
)
def test_a_file_that_cannot_be_read(text: str | bytes, expected: str) -> None:
    assert message(text) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("0", "`latency_ms` must be above zero, not 0\n{}\nhint: leave out what is not known: "
              "unknown is not zero"),
        ("-1", "`latency_ms` must be above zero, not -1\n{}\nhint: leave out what is not known: "
               "unknown is not zero"),
        ("nan", "`nan` in `latency_ms` is no time\n{}\nhint: leave out rows without a time"),
        ("inf", "`inf` in `latency_ms` is no time\n{}\nhint: leave out rows without a time"),
        ("-Infinity", "`-Infinity` in `latency_ms` is no time\n{}\n"
                      "hint: leave out rows without a time"),
        ("1e400", "`latency_ms` is absurd: 1e400 is over 100,000,000\n{}\n"
                  "hint: it is in milliseconds: is this another unit?"),
        ("1e-300", "`latency_ms` is absurd: 1e-300 is under 1e-06\n{}\n"
                   "hint: it is in milliseconds: is this another unit?"),
        ("slow", "`slow` in `latency_ms` is no number\n{}\n"
                 "hint: a plain number with a point: `13.4`"),
        ("13.4 ms", "`13.4 ms` in `latency_ms` is no number\n{}\n"
                    "hint: a plain number with a point: `13.4`"),
        ("1_000", "`1_000` in `latency_ms` is no number\n{}\n"
                  "hint: a plain number with a point: `13.4`"),
        ("\N{ARABIC-INDIC DIGIT THREE}",
         "`\N{ARABIC-INDIC DIGIT THREE}` in `latency_ms` is no number\n{}\n"
         "hint: a plain number with a point: `13.4`"),
        ("0x10", "`0x10` in `latency_ms` is no number\n{}\n"
                 "hint: a plain number with a point: `13.4`"),
    ],
)  # fmt: skip
def test_cells_that_are_no_times(cell: str, expected: str) -> None:
    quoted = f"    2 | alexnet,{cell}\n      |         {'^' * len(cell)}"
    assert message(HEADER + f"alexnet,{cell}\n") == f"times.csv:2:9: {expected.format(quoted)}"


def test_a_decimal_comma() -> None:
    expected = """\
times.csv:2:10: `10,5` in `latency_ms` is no number
    2 | alexnet,"10,5"
      |          ^^^^
hint: a plain number with a point: `13.4`"""
    assert message(HEADER + 'alexnet,"10,5"\n') == expected


def test_other_cells_that_are_wrong() -> None:
    expected = """\
times.csv:2:11: there is no precision `fp31`
    2 | alexnet,1,fp31,1.5,0,-3
      |           ^^^^
hint: did you mean `fp32`?

times.csv:2:16: `threads` must be a whole number, not 1.5
    2 | alexnet,1,fp31,1.5,0,-3
      |                ^^^
hint: leave it empty where it is not known

times.csv:2:20: `batch` must be above zero, not 0
    2 | alexnet,1,fp31,1.5,0,-3
      |                    ^
hint: leave out what is not known: unknown is not zero

times.csv:2:22: `energy_uj` must be above zero, not -3
    2 | alexnet,1,fp31,1.5,0,-3
      |                      ^^
hint: leave out what is not known: unknown is not zero

times.csv:3:11: there is no precision `double`
    3 | alexnet,2,double,5000,inf,1e99
      |           ^^^^^^
hint: it is `fp32`, `fp16`, `bf16` or `int8`

times.csv:3:18: `threads` is absurd: 5000 is over 4,096
    3 | alexnet,2,double,5000,inf,1e99
      |                  ^^^^
hint: leave out what is wrong

times.csv:3:23: `inf` in `batch` is no number
    3 | alexnet,2,double,5000,inf,1e99
      |                       ^^^
hint: leave it empty where it is not known

times.csv:3:27: `energy_uj` is absurd: 1e99 is over 1e+12
    3 | alexnet,2,double,5000,inf,1e99
      |                           ^^^^
hint: it is in microjoules: is this another unit?"""
    header = "model,latency_ms,precision,threads,batch,energy_uj\n"
    text = header + "alexnet,1,fp31,1.5,0,-3\nalexnet,2,double,5000,inf,1e99\n"
    assert message(text) == expected


def test_many_unknown_networks_read_the_library_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read_files: list[str] = []

    def counted(path: str) -> Node:
        read_files.append(path)
        return read_yaml(path)

    monkeypatch.setattr(library, "read_yaml", counted)
    rows = read(HEADER + "".join(f"mobilenet_v{i}x,1\n" for i in range(300)))
    assert message_of_networks(rows).count("hint: did you mean `mobilenet_v") == MAX_PROBLEMS
    assert len(read_files) <= len(library.model_names())


def test_a_cell_is_shown_in_its_own_column() -> None:
    expected = """\
times.csv:2:6: `latency_ms` must be above zero, not 0
    2 | n0,1,0
      |      ^
hint: leave out what is not known: unknown is not zero"""
    assert message("model,threads,latency_ms\nn0,1,0\n") == expected


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\x85", "\u2028"])
def test_lines_are_those_that_errors_count(line_break: str) -> None:
    text = line_break.join(["model,latency_ms", '"alexnet', '",1', "vgg16\x0b,0", ""])
    expected = """\
times.csv:4:8: `latency_ms` must be above zero, not 0
    4 | vgg16 ,0
      |        ^
hint: leave out what is not known: unknown is not zero"""
    assert message(text) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("none.csv", "none.csv: cannot be read: no such file or directory"),
        (".", ".: cannot be read: is a directory"),
        ("a\0.csv", "a\\x00.csv: cannot be read: a path cannot hold a NUL character"),
    ],
)
def test_no_file(path: str, expected: str) -> None:
    with pytest.raises(MeasurementError) as caught:
        read_measurements(path)
    assert str(caught.value) == expected


def test_a_cell_without_end() -> None:
    text = message(HEADER + '"' + "x" * 200_000 + '",10\n')
    assert text.startswith("times.csv:2:1: this is no CSV: field larger than field limit")
    assert text.endswith("hint: a quote in this row is not closed")
    assert len(text) < 1000


def test_problems_are_bounded() -> None:
    text = message(HEADER + "alexnet,0\n" * 5000)
    assert text.count("must be above zero") == MAX_PROBLEMS
    assert text.endswith(f"more than {MAX_PROBLEMS} problems: the rest is not shown")


def test_many_columns_take_no_time() -> None:
    (row,) = read(HEADER.strip() + ",x" * 100_000 + "\nalexnet,1\n")
    assert row.model == "alexnet"


def test_many_rows() -> None:
    rows = read("model,latency_ms,device\n" + "".join(f"alexnet,1,d{i}\n" for i in range(20_000)))
    assert len(rows) == 20_000
    with pytest.raises(MeasurementError, match="rows of several devices"):
        of_one_setting(rows)


def test_networks_that_are_not_there() -> None:
    Path("broken.yaml").write_text(
        "format: 1\nname: broken\ninput: {x: [3, 8, 8]}\nlayers:\n  - reluu\n"
    )
    Path("unknown.yaml").write_text(
        "format: 1\nname: unknown\ninput: {x: [3, 8, 8]}\n"
        "layers:\n  - opaque: {operation: sort, shape: [3, 8, 8]}\n"
    )
    Path("views.yaml").write_text(
        "format: 1\nname: views\ninput: {x: [3, 8, 8]}\nlayers:\n  - flatten\n"
    )
    rows = read(
        HEADER + "mobilnet_v1,1\nalexnet,1\n./net.yaml,1\nmobilenet_v1@,1\nmobilenet_v1@beta=1,1\n"
        "mobilenet_v1@batch=8,1\nunknown.yaml,1\nviews.yaml,1\nbroken.yaml,1\nmobilnet_v1,2\n"
    )
    assert (
        message_of_networks(rows)
        == """\
times.csv:2:1: there is no model `mobilnet_v1`
    2 | mobilnet_v1,1
      | ^^^^^^^^^^^
hint: did you mean `mobilenet_v1`?

times.csv:4:1: net.yaml: cannot be read: no such file or directory
    4 | ./net.yaml,1
      | ^^^^^^^^^^
hint: a path is seen from the folder of the file that names it

times.csv:5:1: `mobilenet_v1@` does not name a model
    5 | mobilenet_v1@,1
      | ^^^^^^^^^^^^^
hint: a model is NAME_OR_PATH[:variant][@knob=value,...]

times.csv:6:1: mobilenet_v1 has no knob `beta`
    6 | mobilenet_v1@beta=1,1
      | ^^^^^^^^^^^^^^^^^^^
hint: it has `alpha`, `rho`, `resolution`, `classes` and `batch`

times.csv:7:1: `mobilenet_v1@batch=8` sets the batch
    7 | mobilenet_v1@batch=8,1
      | ^^^^^^^^^^^^^^^^^^^^
hint: the column `batch` is for that

times.csv:8:1: the cost of `opaque` in `unknown.yaml` is unknown
    8 | unknown.yaml,1
      | ^^^^^^^^^^^^
hint: leave out what was measured of this network

times.csv:9:1: `views.yaml` has no kernels
    9 | views.yaml,1
      | ^^^^^^^^^^
hint: nothing of it takes time: leave out what was measured of this network

broken.yaml:5:5: there is no layer kind or block `reluu`
    5 |   - reluu
      |     ^^^^^
      measured in times.csv:10:1
hint: did you mean `relu`?"""
    )


def test_problems_of_networks_are_bounded() -> None:
    rows = read(HEADER + "".join(f"./net{i}.yaml,1\n" for i in range(300)))
    text = message_of_networks(rows)
    assert text.count("cannot be read") == MAX_PROBLEMS
    assert text.endswith("the rest is not shown")


SEVERAL = (
    "model,latency_ms,device,runtime,threads\n"
    "alexnet,1,pi,ncnn,1\nvgg16,2,pi,ncnn,4\nvgg16,3,my board,tflite,4\nalexnet,4,pi,,\n"
)


def test_rows_are_chosen() -> None:
    rows = read(SEVERAL)
    assert chosen(rows, {}) == rows
    assert [row.latency_s for row in chosen(rows, {"device": "pi", "threads": "4"})] == [0.002]
    assert [row.latency_s for row in chosen(rows, {"threads": ""})] == [0.004]
    assert [row.latency_s for row in chosen(rows, {"model": "vgg16"})] == [0.002, 0.003]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"device": "pie"}, "no row has the device `pie`\nhint: did you mean `pi`?"),
        ({"device": "h100"}, "no row has the device `h100`\nhint: there are `pi`, `my board`"),
        ({"run": "2"}, "no row has the run `2`\nhint: no row states its run"),
        ({"batch": "8"}, "no row has the batch `8`\nhint: there is `1`"),
        (
            {"device": "my board", "runtime": "ncnn"},
            "no row has the runtime `ncnn`\nhint: there is `tflite`",
        ),
        (
            {"thread": "1"},
            "rows cannot be chosen by `thread`\nhint: did you mean `threads`?",
        ),
        (
            {"source": "x"},
            "rows cannot be chosen by `source`\nhint: there are device, runtime, threads, "
            "precision, batch, family, run, date, runtime_version, model, role",
        ),
    ],
)
def test_no_row_is_chosen(where: dict[str, str], expected: str) -> None:
    rows = read(SEVERAL)
    with pytest.raises(MeasurementError) as caught:
        chosen(rows, where)
    assert str(caught.value) == expected


def test_rows_of_several_settings() -> None:
    rows = read(SEVERAL)
    assert of_one_setting(rows[:1]) == rows[0]
    with pytest.raises(MeasurementError) as caught:
        of_one_setting(rows)
    assert (
        str(caught.value)
        == """\
times.csv:4:1: rows of several devices: `pi` (3), `my board` (1)
    4 | vgg16,3,my board,tflite,4
      | ^^^^^
hint: a fit is of one: `--where device=pi`

times.csv:4:1: rows of several runtimes: `ncnn` (2), `tflite` (1), not stated (1)
    4 | vgg16,3,my board,tflite,4
      | ^^^^^
hint: a fit is of one: `--where runtime=ncnn`

times.csv:3:1: rows of several numbers of threads: `1` (1), `4` (2), not stated (1)
    3 | vgg16,2,pi,ncnn,4
      | ^^^^^
hint: a fit is of one: `--where threads=4`"""
    )


def test_what_is_to_be_typed_can_be_typed() -> None:
    header = "model,latency_ms,device\n"
    with pytest.raises(MeasurementError) as caught:
        of_one_setting(read(header + "alexnet,1,my board\nalexnet,1,\n"))
    assert str(caught.value).endswith("hint: a fit is of one: `--where 'device=my board'`")


PIECES = ["", ",", '"', "\n", "\r", ";", "\0", "0", "-1", "nan", "1e999", "@", ":", "\u2028", "/"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    start=st.integers(0, 70),
    length=st.integers(0, 20),
    piece=st.sampled_from(PIECES) | st.text(max_size=5),
)
def test_a_damaged_file_raises_nothing_else(start: int, length: int, piece: str) -> None:
    good = "model,latency_ms,threads\nmobilenet_v1@alpha=0.5,10,1\nalexnet,20,2\n"
    text = good[:start] + piece + good[start + length :]
    with suppress(MeasurementError):
        rows = read(text.encode("utf-8", "surrogatepass"))
        assert all(row.latency_s > 0 for row in rows)
        kernels_of(rows, frozenset())


def test_marks_in_the_words_of_a_row_are_not_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    path.write_text(
        "model,latency_ms,source\nmobilenet_v1,100,\u201cOn nets\u201d,more\n", encoding="utf-8"
    )
    with pytest.raises(MeasurementError, match="this row has more cells than the header"):
        read_measurements(path)


# --- throughput that is given as latency


OVERLAP = "where inferences overlap, each takes longer than the time between two of them"


@pytest.mark.parametrize("column", ["throughput_fps", "FPS", "qps", "images_per_s"])
def test_a_latency_that_is_a_throughput(column: str) -> None:
    text = f"model,latency_ms,{column}\nmobilenet_v1,2,500\nresnet18,4.0,250\n"
    said = message(text)
    assert f"times.csv:2:14: `latency_ms` is 1000 / `{column}` in all rows that have both" in said
    assert f"hint: {OVERLAP}; if none overlapped, say so in a column `measured_as`" in said


def test_a_throughput_of_a_batch() -> None:
    said = message("model,batch,latency_ms,fps\nmobilenet_v1,8,16,500\n")
    assert "`latency_ms` is 1000 / `fps`" in said


def test_latencies_beside_a_throughput() -> None:
    """Of another run, so not its inverse; and where somebody says that nothing overlapped."""
    assert len(read("model,latency_ms,throughput_fps\na,2,900\nb,4,250\n")) == 2
    one = "model,latency_ms,throughput_fps,measured_as\na,2,500,one at a time\n"
    assert len(read(one)) == 1


@pytest.mark.parametrize("column", ["throughput_fps", "throughput", "images_per_s"])
def test_the_words_of_the_hint_are_taken(column: str) -> None:
    """What the message says to write must not be refused."""
    said = message(f"model,latency_ms,{column}\nmobilenet_v1,2,500\n")
    words = said.rpartition("`measured_as`: `")[2].partition("`")[0]
    assert words == f"1000 / {column}, one at a time"
    text = f'model,latency_ms,{column},measured_as\nmobilenet_v1,2,500,"{words}"\n'
    assert len(read(text)) == 1


@pytest.mark.parametrize(
    "words",
    [
        "one at a time, not pipelined", "no throughput mode", "1 request in flight",
        "4 parallel threads", "without pipelining", "1000 / throughput_fps of the table",
        "single stream", "nothing in flight beside it", "one inference after another",
    ],
)  # fmt: skip
def test_what_was_measured_without_overlap(words: str) -> None:
    assert len(read(f'model,latency_ms,measured_as\nmobilenet_v1,2,"{words}"\n')) == 1


def test_a_throughput_without_a_column_of_latencies() -> None:
    said = message("model,fps,device\nmobilenet_v1,8.08,pi\n")
    assert "times.csv:1:1: there is no column `latency_ms`" in said
    assert f"hint: `fps` is none: {OVERLAP}; measure one inference after another" in said


def test_a_throughput_alone() -> None:
    said = message("model,latency_ms,throughput_fps\nmobilenet_v1,,500\n")
    assert "times.csv:2:15: this row has `throughput_fps` and no `latency_ms`" in said
    assert f"hint: {OVERLAP}: leave the row out" in said
    assert "this row has no `latency_ms`" in message("model,latency_ms,fps\nmobilenet_v1,,\n")


@pytest.mark.parametrize(
    "words",
    [
        "pipelined throughput", "throughput, 4 requests in flight", "Throughput", "in parallel",
        "11 requests in flight", "concurrent streams", "parallel requests", "pipelining",
    ],
)  # fmt: skip
def test_what_was_measured_with_overlap(words: str) -> None:
    said = message(f'model,latency_ms,measured_as\nmobilenet_v1,2,"{words}"\n')
    assert f"`{words}` is no latency\n" in said
    assert f"hint: {OVERLAP}: leave the row out" in said


def test_a_throughput_in_rows_that_were_not_asked_for() -> None:
    text = "device,model,latency_ms,fps\na,mobilenet_v1,2,\nb,mobilenet_v1,2,500\n"
    write(text)
    assert not read_cells("times.csv", {"device": "a"}).problems
