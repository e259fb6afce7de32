"""YAML text to nodes: the core schema, places, and no surprises in time."""

from __future__ import annotations

import re
from typing import Any

import pytest
from effort import work_of

from mnet_cost import yamlfile
from mnet_cost.errors import (
    MAX_PROBLEMS,
    DeviceError,
    Problem,
    ProblemList,
    Source,
    SpecError,
    TooManyProblemsError,
)
from mnet_cost.yamlfile import MAX_DEPTH, Node, parse_scalar, parse_yaml, tuple_as_list


def parse(text: str) -> Node:
    return parse_yaml(Source("x", text))


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(word, None) for word in ("", "~", "null", "Null", "NULL")],
        *[(word, True) for word in ("true", "True", "TRUE")],
        *[(word, False) for word in ("false", "False", "FALSE")],
        ("0", 0), ("-0", 0), ("+12", 12), ("-19", -19), ("0o14", 12), ("0x1F", 31),
        ("1.", 1.0), (".5", 0.5), ("-2.50", -2.5), ("1e3", 1000.0), ("+12e-3", 0.012), ("0.", 0.0),
        # YAML 1.1 reads other things here
        *[(word, word) for word in ("yes", "no", "on", "off", "y", "n", "NO", "nULL", "tRue")],
        ("1_000", "1_000"), ("1:30", "1:30"), ("0b11", "0b11"), ("2001-12-14", "2001-12-14"),
        ("0o8", "0o8"), ("1e", "1e"), ("-", "-"), ("+", "+"), (".", "."), ("- 1", "- 1"),
        ("=", "="),
    ],
)  # fmt: skip
def test_a_plain_scalar_follows_the_core_schema(text: str, value: object) -> None:
    parsed = parse_scalar(text)
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("010", "`010` starts with 0: write 10, or 0o10 for an octal number"),
        ("-09", "`-09` starts with 0: write 9"),
        ("00", "`00` starts with 0: write 0, or 0o0 for an octal number"),
        (".inf", "`.inf` is not a finite number"),
        ("-.INF", "`-.INF` is not a finite number"),
        (".NaN", "`.NaN` is not a finite number"),
        ("1e999", "`1e999` is too large for a number"),
        ("1" * 31, "a number of 31 digits is too long"),
        ("0x" + "f" * 31, "a number of 31 digits is too long"),
        ("0." + "1" * 200, "a number of 202 characters is too long"),
    ],
)
def test_a_number_that_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_scalar(text)


def test_quotes_make_text_and_keys_are_text() -> None:
    root = parse("1: '1'\ntrue: \"true\"\n010: |\n  12\nnull: ~\n")
    assert root.plain() == {"1": "1", "true": "true", "010": "12\n", "null": None}


def test_styles_mean_the_same() -> None:
    flow = parse("{a: [1, {b: 2.5}], c: {}, d: [], e: }").plain()
    assert flow == parse("a:\n- 1\n- b: 2.5\nc: {}\nd: []\ne:\n").plain()
    assert flow == {"a": [1, {"b": 2.5}], "c": {}, "d": [], "e": None}


def test_a_colon_inside_braces_needs_a_blank() -> None:
    assert parse("{a:8, b: c:d}").plain() == {"a:8": None, "b": "c:d"}


def test_json_is_yaml() -> None:
    assert parse('{"a":1,"b":[true,null,"x"]}').plain() == {"a": 1, "b": [True, None, "x"]}


def test_a_document_marker_and_a_directive_are_fine() -> None:
    assert parse("%YAML 1.2\n---\na: 1\n...\n").plain() == {"a": 1}


def place(node: Node) -> tuple[int, int, int]:
    return node.line, node.column, node.end


def test_places_of_keys_values_and_collections() -> None:
    root = parse("a: 1\nlist:\n  - {k: 'text', l: \u8ad6\u6587}\n  - |\n    long\n")
    assert place(root) == (1, 1, 2)
    assert place(root.keys["list"]) == (2, 1, 5)
    assert place(root.value["a"]) == (1, 4, 5)
    entry, literal = root.value["list"].value
    assert place(entry) == (3, 5, 6)
    assert place(entry.keys["k"]) == (3, 6, 7)
    assert place(entry.value["k"]) == (3, 9, 15)
    assert entry.value["k"].quoted
    assert place(entry.value["l"]) == (3, 20, 22)
    assert place(literal)[:2] == (4, 5)
    assert str(entry.value["k"].span()) == "x:3:9"


def test_like_keeps_the_place() -> None:
    node = parse("a: 12").value["a"]
    assert (node.like(3).value, place(node.like(3))) == (3, place(node))


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("a: 1\na: 2\nb: 1\nb: 2\n", ["2:1: `a` is already set at line 1",
                                      "4:1: `b` is already set at line 3"]),
        ("'a': 1\na: 2\n", ["2:1: `a` is already set at line 1"]),
        ("[a]: 1\n", ["1:1: a key must be a word, not a list or mapping"]),
        ("? {a: 1}\n: 2\nb: &c 3\n", ["1:3: a key must be a word, not a list or mapping",
                                      "3:4: `&c` is a YAML anchor, which a spec cannot use"]),
        ("a: *b\n*c : 3\n", ["1:4: `*b` is a YAML alias, which a spec cannot use",
                             "2:1: `*c` is a YAML alias, which a spec cannot use"]),
        ("a: !!str 3\n", ["1:4: `!!str` is a YAML tag, which a spec cannot use"]),
        ("<<: {a: 1}\n", ["1:1: merge keys (`<<`) cannot be used; write a block or `let`"]),
        ("'': 1\n", ["1:1: a key is missing before the colon"]),
        ("a: 1\n---\nb: 2\n", ["2:1: a file holds one document: `---` starts a second one"]),
        ("a: 010\nb: 1e999\n", ["1:4: `010` starts with 0: write 10, or 0o10 for an octal number",
                                "2:4: `1e999` is too large for a number"]),
        ("[f(a, b), g(c, (d, e)), h)]", [
            "1:2: `f(a` leaves a parenthesis open: inside {} and [] a comma ends the value",
            "1:11: `g(c` leaves a parenthesis open: inside {} and [] a comma ends the value",
            "1:16: `(d` leaves a parenthesis open: inside {} and [] a comma ends the value",
            "1:25: `h)` closes a parenthesis that is not open"]),
    ],
)  # fmt: skip
def test_what_is_refused_is_refused_all_at_once(text: str, messages: list[str]) -> None:
    lines = [line for line in refusal(text).splitlines() if line.startswith("x:")]
    assert lines == [f"x:{message}" for message in messages]


def test_a_quoted_merge_key_is_a_key() -> None:
    assert parse("'<<': 1").plain() == {"<<": 1}


def test_parentheses_outside_of_braces_are_free() -> None:
    assert parse("a: f(b, c)\nb: smile )\n").plain() == {"a": "f(b, c)", "b": "smile )"}
    assert parse("{a: 'f(b, c)'}").plain() == {"a": "f(b, c)"}


def test_a_problem_is_said_once_a_line() -> None:
    assert refusal("[*a, *a, *a]").count("is a YAML alias") == 1


def test_the_error_is_the_one_asked_for() -> None:
    with pytest.raises(DeviceError, match="x: is empty"):
        parse_yaml(Source("x", ""), DeviceError)


def test_as_deep_as_allowed_and_one_more() -> None:
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert "more than 64 levels" in refusal("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


@pytest.mark.parametrize("unit", ["[", "{", "- ", "? ", "[{a: ", "{a: [", "- - a: "])
def test_thirty_kilobytes_of_nesting(unit: str) -> None:
    assert work_of(lambda: refusal(unit * (30_000 // len(unit)))) < 100_000


@pytest.mark.parametrize(
    "unit", ["- {a: [1, 2.5, x], b: 'c'}\n", "- a: 1\n  b:\n  - 1\n", "- 'x  y'\n", "# c\n- 1\n"]
)
def test_work_is_linear(unit: str) -> None:
    small, large = (work_of(lambda n=n: parse(unit * n)) for n in (1000, 8000))  # type: ignore[misc]
    assert large < 9 * small  # quadratic would be 64


def test_long_scalars_take_little_work() -> None:
    for text in ("a: '" + "x" * 10**6 + "'", "a: " + "x y " * 10**5, "- " + "'' " * 1):
        assert work_of(lambda text=text: parse(text)) < 1000  # type: ignore[misc]


def test_the_parser_without_libyaml_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [1, {b: 'x'}]\nc: |\n  y\n"
    fast = parse(text)
    events = iter

    def slow(source: str) -> Any:
        import yaml

        stream = events(yaml.parse(source, Loader=yaml.SafeLoader))
        return lambda: next(stream)

    monkeypatch.setattr(yamlfile, "_events", slow)
    assert parse(text).plain() == fast.plain()
    assert place(parse(text).value["a"]) == place(fast.value["a"])
    assert "levels of nesting" in refusal("[" * 5000)
    assert "U+0007" in refusal("a: \x07")


@pytest.mark.parametrize("duplicates", [99, 100, 101, 102])
@pytest.mark.parametrize("end", ["[\n}", "\0", "1\n---\n", "*a", "[" * 70, "'"])
def test_problems_up_to_the_limit_and_one_of_another_kind(duplicates: int, end: str) -> None:
    message = refusal("a: 1\n" + "a: 1\n" * duplicates + f"b: {end}")
    rest = "more than 100 problems: the rest is not shown"
    if end == "\0":  # found before anything is read
        assert message.startswith("x:")
        assert "U+0000" in message
        return
    assert message.count("`a` is already set") == min(duplicates, MAX_PROBLEMS)
    assert message.endswith(rest) == (duplicates >= MAX_PROBLEMS)
    assert message.count("x:") == MAX_PROBLEMS


def test_no_error_shows_more_problems_than_the_limit() -> None:
    some = [Problem(f"number {i}") for i in range(250)]
    gathered = ProblemList()
    with pytest.raises(TooManyProblemsError):
        gathered += some
    with pytest.raises(TooManyProblemsError):
        ProblemList().extend(some)
    for problems in (some, gathered, iter(some)):
        message = str(SpecError(problems))
        assert message.count("number") == MAX_PROBLEMS
        assert message.endswith("\n\nmore than 100 problems: the rest is not shown")


def test_marks_that_look_like_others_may_stand_in_texts() -> None:
    text = "a: \u9ad8\u5ea6\uff0c\u5bbd\u5ea6\uff1a \u201cx\u201d\nb: c\u00a0d # \u3000\n"
    assert parse(text).plain() == {
        "a": "\u9ad8\u5ea6\uff0c\u5bbd\u5ea6\uff1a \u201cx\u201d",
        "b": "c\u00a0d",
    }
    assert "U+" not in refusal(text + "a: 1\n")
    assert "U+" not in refusal('c: "\uff0c" }\n')
    assert "x:3:3: U+00A0 stands here" in refusal(text + "c:\u00a0d\n")


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("(3, 5)", "[3, 5]"), ("(1,2,3,4)", "[1,2,3,4]"), (" (a, b) ", "[a, b]"),
        ("(max(a, b), 2)", "[max(a, b), 2]"), ("(3,)", "[3]"), ("(3)", None), ("()", None),
        ("(,)", None), ("(a) + (b, c)", None), ("(1, 2) * (3)", None), ("max(3, 5)", None),
        ("((1, 2))", None), ("(1, 2", None), ("((1, 2), (3,))", "[[1, 2], [3]]"),
        ("(" * 5000 + "1" + ",2)" * 5000, None),
    ],
)  # fmt: skip
def test_tuples_of_other_languages(text: str, listed: str | None) -> None:
    assert tuple_as_list(text) == listed
