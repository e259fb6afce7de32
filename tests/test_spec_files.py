"""Files that are no text, or cannot be read at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from mnet_cost.errors import SpecError
from mnet_cost.models.load import parse_spec, read_spec
from mnet_cost.network import elaborate
from mnet_cost.yamlfile import MAX_BYTES

GOOD = b"format: 1\nname: x\ninput: {image: [3, 8, 8]}\nlayers: [relu]\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(data: bytes) -> str:
    """What reading a file with these bytes says."""
    Path("x.yaml").write_bytes(data)
    with pytest.raises(SpecError) as caught:
        read_spec("x.yaml")
    return str(caught.value)


def test_a_good_file_is_read() -> None:
    Path("x.yaml").write_bytes(GOOD)
    assert read_spec("x.yaml").name == "x"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_marks_and_line_ends_make_no_difference(mark: bytes, end: bytes) -> None:
    Path("x.yaml").write_bytes(mark + GOOD.replace(b"\n", end))
    assert read_spec("x.yaml") == parse_spec(GOOD.decode())


def test_lines_are_counted_alike_for_all_line_ends() -> None:
    for end in (b"\n", b"\r\n", b"\r"):
        message = refusal(GOOD.replace(b"[relu]", b"[rellu]").replace(b"\n", end))
        assert message.startswith("x.yaml:4:10: there is no layer kind or block `rellu`\n    4 | ")


def test_a_byte_order_mark_does_not_move_the_caret() -> None:
    text = "\ufeff" + GOOD.decode().replace("format: 1", "format: 2")
    with pytest.raises(SpecError, match=r"^x:1:9: this program reads format 1, not `2`"):
        parse_spec(text, path="x")


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(SpecError) as caught:
        read_spec("nowhere.yaml")
    assert str(caught.value) == "nowhere.yaml: cannot be read: no such file or directory"


def test_a_folder() -> None:
    Path("folder.yaml").mkdir()
    with pytest.raises(SpecError) as caught:
        read_spec("folder.yaml")
    assert str(caught.value) == "folder.yaml: cannot be read: is a directory"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_without_permission() -> None:
    Path("x.yaml").write_bytes(GOOD)
    Path("x.yaml").chmod(0)
    with pytest.raises(SpecError, match=r"x\.yaml: cannot be read: permission denied"):
        read_spec("x.yaml")


def test_a_path_with_nul() -> None:
    with pytest.raises(SpecError, match="a path cannot hold a NUL character"):
        read_spec("x\0.yaml")


def test_an_empty_file() -> None:
    assert refusal(b"") == "x.yaml: is empty"
    assert refusal(b"# nothing\n---\n...\n") == "x.yaml: is empty"


def test_bytes_that_are_not_utf8() -> None:
    assert refusal(GOOD.replace(b"name: x", b"name: caf\xe9")) == (
        "x.yaml:2: is not UTF-8 text: byte 0xe9\nhint: save the file with the encoding UTF-8"
    )
    assert refusal(GOOD.decode().encode("utf-16")).startswith("x.yaml:1: is not UTF-8 text")
    assert refusal(b"\x89PNG\r\n\x1a\n\0\0").startswith("x.yaml:1: is not UTF-8 text: byte 0x89")


@pytest.mark.parametrize(
    ("character", "shown"), [("\0", "U+0000"), ("\x07", "U+0007"), ("\ufffe", "U+FFFE")]
)
def test_a_character_that_yaml_does_not_know(character: str, shown: str) -> None:
    text = GOOD.decode().replace("name: x", f"source: \u8ad6\u6587 {character}\nname: x")
    first, *_ = refusal(text.encode()).splitlines()
    assert first == f"x.yaml:2:12: the character {shown} cannot stand in YAML"


def test_a_surrogate_in_a_text() -> None:
    with pytest.raises(SpecError, match=r"x:1:4: the character U\+D800 cannot stand in YAML"):
        parse_spec("a: \ud800", path="x")


def test_control_characters_do_not_reach_the_terminal() -> None:
    message = refusal(GOOD.replace(b"[relu]", b'["\\e[31mrelu\\a"]'))
    assert "\\x1b[31mrelu\\x07" in message
    assert message.replace("\n", "").isprintable()


def test_a_file_that_is_too_large() -> None:
    assert refusal(b" " * (MAX_BYTES + 1)) == ("x.yaml: is larger than 16 MiB, which is the limit")


def test_a_large_file_of_nonsense_gives_a_short_message() -> None:
    message = refusal(b"layers: [" + b"*a,\n" * 100_000 + b"]")
    assert message.count("\n\n") == 100
    assert message.endswith("more than 100 problems: the rest is not shown")


def test_many_unknown_names() -> None:
    known = "".join(f"  - {{id: entry_{i}, relu: {{}}}}\n" for i in range(3000))
    wrong = "".join(f"  - {{relu: {{}}, from: enrty_{i}}}\n" for i in range(3000))
    message = refusal(GOOD.replace(b"[relu]", b"\n" + known.encode() + wrong.encode()))
    assert message.endswith("more than 100 problems: the rest is not shown")


def test_a_very_long_name_is_cut() -> None:
    message = refusal(GOOD.replace(b"[relu]", b"[" + b"a" * 100_000 + b"]"))
    assert len(message) < 1500
    assert "aaa...\n" in message


def test_a_million_knobs() -> None:
    knobs = b"knobs:\n" + b"".join(b"  k%d: 1\n" % i for i in range(2000))
    assert "more than 1000 knobs" in refusal(GOOD + knobs)


def test_nothing_is_run() -> None:
    hostile = GOOD.replace(b"[relu]", b"[conv2d: {channels: \"__import__('os')\", kernel: 1}]")
    assert "expected" in refusal(hostile)
    hostile = GOOD.replace(b"[relu]", b"[!!python/object/apply:os.system [ls]]")
    assert "is a YAML tag" in refusal(hostile)


def test_long_chains_of_functions_do_not_exhaust_the_stack() -> None:
    terms = " + x" * 45
    functions = "".join(f"  f{i}(x): f{i - 1}(x){terms}\n" for i in range(1, 31))
    let = f"let:\n  f0(x): x\n{functions}"
    text = f"format: 1\nname: x\n{let}input: {{v: [f30(0) + 1]}}\nlayers: [relu]\n"
    spec = parse_spec(text, path="x")
    with suppress(SpecError):  # how deep the stack already is decides
        assert elaborate(spec).tensors[0].type.shape == (1,)
