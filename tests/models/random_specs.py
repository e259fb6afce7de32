"""Random data of model files that load: every section, nested lists, all forms of values."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NUMBERS = st.integers(1, 64) | st.sampled_from(["c", "2 * c", "max(c, k)", "floor(c / 2)", "10"])
HELP = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20)
"""Without the characters that JSON spells as two, which YAML does not know."""
KNOB_VALUES = (
    st.integers(-5, 100) | st.floats(0, 1) | st.booleans() | st.sampled_from(["no", "fast"])
)

SOURCES = st.builds(lambda text: f"p{text}", HELP)
PUBLISHED_ROWS = st.fixed_dictionaries(
    {"mult_adds": st.sampled_from(["569 M", 569, "0.301 G", 4.2])},
    optional={
        "variant": st.sampled_from(["none", "other"]),
        "at": st.builds(lambda c: {"c": c}, st.integers(1, 64)),
        "note": st.sampled_from(["new", "a, b", "1"]),
        "top1": st.floats(0, 100).map(lambda value: round(value, 2)) | st.integers(0, 100),
    },
).map(lambda row: [row])


def entry_lists() -> st.SearchStrategy[list[Any]]:
    """Lists of entries that the loader accepts where `c` and `k` are names."""
    bodies = st.one_of(
        st.sampled_from([{"relu": {}}, {"batch_norm": None}, {"dropout": {"rate": 0.5}}]),
        st.fixed_dictionaries({"add": st.just(["input", "previous"])}),
        st.builds(lambda c: {"linear": {"features": c}}, NUMBERS),
        st.builds(
            lambda c, k, more: {"conv2d": {"channels": c, "kernel": k, **more}},
            NUMBERS | st.builds(lambda a, b: {"choose": [a, b]}, NUMBERS, NUMBERS),
            st.integers(1, 7) | st.just([1, "max(c, k)"]),
            st.sampled_from([{}, {"padding": "same"}, {"padding": [0, 1, 0, 1]}, {"bias": True}]),
        ),
    )
    modifiers = st.fixed_dictionaries(
        {},
        optional={
            "from": st.sampled_from(["previous", "input"]),
            "when": st.sampled_from([True, "k > 1", "max(c, k) == 2 and not k < 1"]),
            "repeat": st.integers(0, 9) | st.just("min(k, 3)"),
        },
    )

    def merge(body: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
        listed = any(isinstance(value, list) and value[:1] == ["input"] for value in body.values())
        return body | {key: v for key, v in extra.items() if not (listed and key == "from")}

    entries = st.just("relu") | st.builds(merge, bodies, modifiers)
    return st.recursive(
        st.lists(entries, min_size=1, max_size=4),
        lambda inner: st.lists(
            entries | st.builds(lambda e, m: {"layers": e, **m}, inner, modifiers),
            min_size=1,
            max_size=3,
        ),
        max_leaves=6,
    )


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Data of a model file that loads."""
    knob = st.fixed_dictionaries(
        {"default": KNOB_VALUES},
        optional={"help": HELP, "published": st.lists(KNOB_VALUES, min_size=1, max_size=3)},
    )
    data: dict[str, Any] = {
        "format": 1,
        "name": draw(st.sampled_from(["m", "010", "no", "a.b-c"])),
        "input": {"x": draw(st.sampled_from([[3, 8, 8], ["c", "max(k, 8)", 8]]))},
        "knobs": {"c": 8, "k": draw(knob)},
        "let": {"f(a, b)": "a + b", "late": draw(NUMBERS)},
        "layers": draw(entry_lists()),
        "blocks": {"body": {"arguments": {"q": draw(NUMBERS)}, "layers": draw(entry_lists())}},
    }
    if draw(st.booleans()):
        data["source"] = "." + draw(HELP)
    if draw(st.booleans()):
        data["layers"].append({"body": {"q": draw(NUMBERS)}, "id": "last"})
        data["outputs"] = ["last"]
        data["published"] = draw(st.dictionaries(SOURCES, PUBLISHED_ROWS, max_size=3))
        data["variants"] = {"none": None, "other": {"layers": {"last": draw(entry_lists())[0]}}}
    return dict(draw(st.permutations(list(data.items()))))
