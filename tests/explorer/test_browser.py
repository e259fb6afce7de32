"""The page in Chromium: it opens from a file and shows Python's numbers; texts stay texts."""

from __future__ import annotations

import gzip
import json
import os
import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from browser import Opened, browser, missing
from hostile_text import FRAGMENTS

import mnet_cost
from mnet_cost.devices.choice import choose_devices
from mnet_cost.explorer.document import Asked, Explored, explore_document
from mnet_cost.explorer.explore import explore_page
from mnet_cost.explorer.page import write_page
from mnet_cost.models.library import load_model, model_names
from mnet_cost.units import format_bytes, format_seconds

_WHY = missing()
pytestmark = pytest.mark.skipif(_WHY is not None, reason=str(_WHY))

UNKNOWN, TIMES = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"
DEVICES = ("pixel_1_tflite", "raspberry_pi_4_ncnn", "h100", "stm32f746")
AXE = Path(__file__).parent.parent.parent / "explorer/node_modules/axe-core/axe.min.js"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for all tests here."""
    with browser() as started:
        yield started


def written(folder: Path, names: Sequence[str], devices: Sequence[str] = DEVICES) -> Path:
    """The file of a page about library networks."""
    page = explore_page(names, [load_model(name) for name in names], choose_devices(devices))
    file = folder / f"{'-'.join(names)}.html"
    file.write_text(page.text, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of MobileNet V1."""
    return written(tmp_path_factory.mktemp("one"), ["mobilenet_v1"])


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two networks."""
    return written(tmp_path_factory.mktemp("two"), ["mobilenet_v1", "mobilenet_v2"])


def test_it_opens_from_a_file_and_asks_for_nothing(chromium: Any, one: Path) -> None:
    with Opened(chromium, one) as opened:
        opened.rest()
        assert opened.requests == [opened.address]
        assert opened.said == []
        assert opened.page.text_content("h1") == "mobilenet_v1"
        assert opened.page.locator(".card").count() == len(DEVICES)
        assert opened.page.locator("#rows tr").count() == 14


def shown_numbers(opened: Opened) -> dict[str, str]:
    """What the page says: times of devices by name, and totals in full."""
    cards = opened.page.locator(".card")
    shown = {}
    for i in range(cards.count()):
        name = cards.nth(i).locator(".name b").text_content()
        time = cards.nth(i).locator(".time")
        known = time.locator("small:only-child").count() == 0
        shown[name] = time.evaluate("e => e.firstChild.textContent") if known else "no time"
    entries = opened.page.locator("#totals div")
    for i in range(entries.count()):
        shown[entries.nth(i).locator("dt").text_content()] = (
            entries.nth(i).locator("small").text_content()
        )
    return shown


def python_numbers(**knobs: Any) -> dict[str, str]:
    """What Python says at the same setting, in the same words."""
    analysis = mnet_cost.analyze("mobilenet_v1", devices=DEVICES, **knobs)
    shown = {}
    for estimate in analysis.devices:
        least = "≥ " if estimate.basis == "bound" else ""
        seconds = estimate.latency_s
        shown[estimate.device.name] = (
            "no time" if seconds is None else f"{least}{format_seconds(seconds)}"
        )
    return {
        **shown,
        "mult-adds": f"{analysis.totals.mult_adds:,}",
        "params": f"{analysis.totals.params:,}",
    }


@pytest.mark.parametrize(
    ("alpha", "resolution", "batch"),
    [(0.5, 160, 1), (0.75, 192, 8), (1.13, 226, 3), (0.2, 104, 64)],
)
def test_sliders_show_what_python_says(
    chromium: Any, one: Path, alpha: float, resolution: int, batch: int
) -> None:
    with Opened(chromium, one) as opened:
        for name, value in (("alpha", alpha), ("resolution", resolution), ("batch", batch)):
            opened.set(name, value)
        shown = shown_numbers(opened)
        expected = python_numbers(alpha=alpha, resolution=resolution, batch=batch)
        assert {name: shown[name] for name in expected} == expected
        opened.page.select_option("select", label="int8")
        opened.rest()
        shown = shown_numbers(opened)
        expected = python_numbers(alpha=alpha, resolution=resolution, batch=batch, precision="int8")
        assert {name: shown[name] for name in expected} == expected


def test_rows_and_shares_are_those_of_the_analysis(chromium: Any, one: Path) -> None:
    analysis = mnet_cost.analyze("mobilenet_v1", devices=DEVICES, alpha=0.5)
    with Opened(chromium, one, "alpha=0.5&@layer=logits") as opened:
        opened.rest()
        row = opened.page.locator("#rows tr").filter(has_text="middle")
        inside = [layer for layer in analysis.layers if layer.step.name.startswith("middle.")]
        counted = sum(layer.mult_adds for layer in inside)
        assert f"{counted / 1e6:.1f} M" in row.text_content()
        details = opened.page.locator("#details").text_content()
        assert f"{512 * 1000 + 1000:,}" in details  # params of the classifier
        assert "512 * 1000" in details  # and its formula with values


def content(opened: Opened) -> str:
    """All texts, but what is said of the last move."""
    return str(
        opened.page.evaluate(
            """[...document.getElementById("app").children]
              .filter((e) => e.id !== "answer").map((e) => e.textContent).join()"""
        )
    )


def test_a_link_leads_to_the_same_page(chromium: Any, one: Path) -> None:
    with Opened(chromium, one, height=6000) as opened:
        opened.set("alpha", 0.6)
        opened.page.locator(".card").nth(1).click()
        opened.page.locator("#table thead button").nth(1).click()
        opened.page.locator("#rows button").first.click()
        opened.rest()
        fragment = opened.page.evaluate("location.hash.slice(1)")
        before = content(opened)
    assert fragment.startswith("alpha=0.6&@device=raspberry_pi_4_ncnn&@sort=mult_adds")
    with Opened(chromium, one, fragment, height=6000) as opened:
        opened.rest()
        assert content(opened) == before
        assert opened.said == []


def test_a_link_of_strangers_is_read_with_a_word(chromium: Any, one: Path) -> None:
    hostile = "alpha=99&gamma=%3Cimg src=x onerror=alert(1)%3E&@device=<b>&__proto__=1&@open=x"
    with Opened(chromium, one, hostile) as opened:
        opened.rest()
        said = opened.page.locator("#said").text_content()
        assert "“alpha” goes from 0.2 to 1.25 here: it is 1.25." in said
        assert "“gamma”, which is no knob of this page" in said
        assert "asks for device “<b>”" in said
        assert opened.page.locator("#app img, #app b b").count() == 0
        assert opened.said == []
        opened.page.evaluate("location.hash = 'alpha=0.5'")
        opened.rest()
        assert opened.page.locator("#said").text_content() == ""
        assert shown_numbers(opened)["mult-adds"] == python_numbers(alpha=0.5)["mult-adds"]


def test_where_no_structure_holds_it_says_so(chromium: Any, one: Path, tmp_path: Path) -> None:
    text = one.read_text(encoding="utf-8")
    packed = re.search(r'id="packed-data">([^<]*)<', text)
    assert packed is not None
    document = json.loads(gzip.decompress(b64decode(packed[1])))
    assert len(document["models"][0]["structures"]) > 1
    del document["models"][0]["structures"][1:]  # of more than one image at once
    file = tmp_path / "less.html"
    file.write_text(write_page(document), encoding="utf-8")
    with Opened(chromium, file) as opened:
        before = shown_numbers(opened)
        opened.set("batch", 8)
        assert opened.page.locator("#app.stale").count() == 1
        warning = opened.page.locator(".warning").text_content()
        assert "mobilenet_v1 has another structure than in this page" in warning
        assert "mnet-cost explore mobilenet_v1 --batch 8 --device" in warning
        assert shown_numbers(opened) == before  # dimmed, and not of another setting by halves
        opened.page.click("text=Reset")
        opened.rest()
        assert opened.page.locator("#app.stale").count() == 0
        assert opened.page.locator(".warning").count() == 0
        assert opened.said == []


HOSTILE = "".join(part for part in FRAGMENTS if "\0" not in part and part.isprintable())


def test_hostile_texts_stay_texts(chromium: Any, tmp_path: Path) -> None:
    source = json.dumps(f"</script><img src=x onerror=alert(1)>{HOSTILE}", ensure_ascii=False)
    spec = tmp_path / "=cmd <b>&'\".yaml"
    spec.write_text(
        f"format: 1\nname: evil\nsource: {source}\n"
        f"knobs: {{width: {{default: 8, help: {source}}}}}\n"
        "input: {image: [3, 16, 16]}\n"
        f"layers:\n  - conv2d: {{channels: width, kernel: 3}} # {HOSTILE[:80]}</script>\n",
        encoding="utf-8",
    )
    model = load_model(str(spec))
    page = explore_page([str(spec)], [model], choose_devices(["pixel_1"]))
    file = tmp_path / "evil.html"
    file.write_text(page.text, encoding="utf-8")
    with Opened(chromium, file) as opened:
        opened.page.hover(".knob >> nth=0")
        opened.rest()
        assert opened.said == []
        assert opened.requests == [opened.address]
        assert opened.page.locator("#app img, #app script, #app iframe, #app a").count() == 0
        assert "onerror=alert(1)" in opened.page.text_content(".where")
        assert "onerror=alert(1)" in opened.page.text_content(".tip")
        assert opened.page.evaluate("document.scripts.length") == 5


def test_several_networks_move_together(chromium: Any, two: Path) -> None:
    with Opened(chromium, two, "resolution=160") as opened:
        opened.rest()
        table = opened.page.locator("#comparison").text_content()
        first, second = (
            mnet_cost.analyze(name, devices=DEVICES, resolution=160)
            for name in ("mobilenet_v1", "mobilenet_v2")
        )
        ratio = second.totals.mult_adds / first.totals.mult_adds
        assert f"{ratio:.2f}{TIMES}" in table
        times = [one.devices[0].latency_s for one in (first, second)]
        assert times[0] is not None
        assert times[1] is not None
        assert format_seconds(times[1]) in table
        assert f"{times[1] / times[0]:.2f}{TIMES}" in table
        opened.page.click("#top >> text=mobilenet_v2 >> nth=-1")
        opened.rest()
        assert shown_numbers(opened)["mult-adds"] == f"{second.totals.mult_adds:,}"
        assert opened.said == []


def test_keys_do_what_the_pointer_does(chromium: Any, one: Path) -> None:
    with Opened(chromium, one) as opened:
        opened.page.focus("#knob-resolution")
        opened.page.keyboard.press("ArrowLeft")
        opened.rest()
        assert opened.page.text_content(".knob .at >> nth=2") == "222"
        assert opened.page.evaluate("document.activeElement.id") == "knob-resolution"
        opened.page.locator(".card input").first.focus()
        opened.page.keyboard.press("ArrowDown")
        opened.rest()
        assert "raspberry_pi_4_ncnn" in opened.page.text_content(".card.chosen")
        block = opened.page.locator("#rows button[aria-expanded]").first
        block.focus()
        opened.page.keyboard.press("Enter")
        opened.rest()
        assert block.get_attribute("aria-expanded") == "true"
        assert opened.page.evaluate("document.activeElement.textContent") == block.text_content()
        points = opened.page.locator("#accuracy [role=listbox]")
        assert opened.page.locator("#accuracy svg [tabindex]").count() == 1
        points.focus()
        opened.page.keyboard.press("Home")
        opened.page.keyboard.press("ArrowRight")
        opened.rest()
        active = opened.page.locator(f"#{points.get_attribute('aria-activedescendant')}")
        assert active.get_attribute("id") == "accuracy-point-1"
        assert opened.page.text_content(".tip").startswith(active.get_attribute("aria-label"))
        opened.page.keyboard.press("Enter")
        opened.rest()
        assert "alpha" in opened.page.evaluate("location.hash")
        assert active.get_attribute("aria-selected") == "true"
        assert opened.page.evaluate("document.activeElement.getAttribute('role')") == "listbox"
        opened.page.focus("#memory [role=slider]")
        step = opened.page.get_attribute("#memory [role=slider]", "aria-valuenow")
        opened.page.keyboard.press("ArrowRight")
        opened.rest()
        moved = opened.page.get_attribute("#memory [role=slider]", "aria-valuenow")
        assert int(moved) == int(step) + 1


def test_who_cannot_see_it_hears_the_answer_once(chromium: Any, one: Path) -> None:
    with Opened(chromium, one, "@metric=mult_adds") as opened:
        opened.rest()
        live = "[aria-live]:not([aria-live=off]), [role=status], [role=alert], output"
        heard = "() => window.heard.filter(Boolean)"
        opened.page.evaluate(
            """(live) => {
              window.heard = [];
              for (const place of document.querySelectorAll(live)) {
                new MutationObserver(() => window.heard.push(place.textContent))
                  .observe(place, { childList: true, characterData: true, subtree: true });
              }
            }""",
            live,
        )
        assert opened.page.text_content("#answer") == ""  # at the start nothing has moved
        # Within the page, since keys of a driver come as far apart as a busy machine makes them.
        opened.page.evaluate(
            """async () => {
              const input = document.getElementById("knob-alpha");
              for (let i = 0; i < 5; i++) {
                const left = { key: "ArrowLeft", bubbles: true, cancelable: true };
                input.dispatchEvent(new KeyboardEvent("keydown", left));
                await new Promise(requestAnimationFrame);
              }
            }"""
        )
        opened.rest()
        counted = mnet_cost.analyze("mobilenet_v1", devices=(), alpha=0.95).totals.mult_adds
        said = f"{counted / 1e6:.1f} M mult-adds"
        assert opened.page.evaluate(heard) == [said]
        assert opened.page.get_attribute("#knob-alpha", "aria-valuetext") == f"0.95, {said}"


def test_a_shared_slider_goes_as_far_as_any_network(chromium: Any, tmp_path: Path) -> None:
    wide = tmp_path / "wide.yaml"
    wide.write_text(
        "format: 1\nname: wide\nknobs:\n"
        "  resolution: {default: 64, multiple_of: 32, published: [32, 64, 1024]}\n"
        "input: {image: [3, resolution, resolution]}\n"
        "layers:\n  - conv2d: {channels: 8, kernel: 3}\n",
        encoding="utf-8",
    )
    names = ["mobilenet_v1", str(wide)]
    page = explore_page(names, [load_model(name) for name in names], choose_devices(["h100"]))
    file = tmp_path / "both.html"
    file.write_text(page.text, encoding="utf-8")
    with Opened(chromium, file) as opened:
        groups = opened.page.locator(".owned").evaluate_all(
            """all => all.map((e) => [
              e.getAttribute("aria-label"), e.querySelectorAll(".knob").length,
            ])"""
        )
        assert groups == [["Knobs of both networks", 3], ["Knobs of mobilenet_v1", 3]]
        opened.set("resolution", 1024)  # out of the range of the first, where it still holds
        shown = opened.page.locator("#comparison tbody tr").filter(has_text="mult-adds").first
        counts = [
            mnet_cost.analyze(name, devices=(), resolution=1024).totals.mult_adds for name in names
        ]
        cells = shown.locator("td").all_text_contents()
        assert cells[0] == f"{counts[0] / 1e9:.2f} G"
        assert cells[1] == f"{counts[1] / 1e6:.1f} M"
        assert opened.page.locator(".warning").count() == 0
        opened.page.evaluate("location.hash = 'resolution=226'")
        opened.rest()
        said = opened.page.locator(".warning").text_content()
        assert "At this setting" in said
        assert "--set resolution=226" in said or "resolution" in said
        assert "not at this setting" in opened.page.text_content("#cards")
        assert opened.page.locator("#app.stale").count() == 0  # the other one is looked at
        assert opened.said == []


def test_pairs_are_sorted_and_copied(chromium: Any, two: Path) -> None:
    with Opened(chromium, two, "@metric=params", height=6000) as opened:
        opened.rest()
        opened.page.locator("#pairs thead button").nth(1).click()
        opened.rest()
        assert opened.page.locator("#pairs th[aria-sort=descending]").count() == 1
        first = opened.page.locator("#pairs tbody tr").first.text_content()
        analysis = mnet_cost.analyze("mobilenet_v2", devices=())
        most = max(analysis.layers, key=lambda layer: layer.params)
        assert most.step.name in first
        opened.page.evaluate(
            "navigator.clipboard.writeText = async (text) => { window.copied = text; }"
        )
        opened.page.locator("#pairs .bar button").click()
        opened.rest()
        copied = opened.page.evaluate("window.copied")
        lines = copied.splitlines() if copied else []
        assert lines[0].startswith("mobilenet_v1 layer,mobilenet_v1 kind,")
        assert sum(line.count("logits") for line in lines) == 2


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_it_has_room_at_every_width(chromium: Any, two: Path, width: int) -> None:
    with Opened(chromium, two, width=width, height=6000) as opened:
        opened.page.click("text=Open all")
        opened.rest()
        size = opened.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert size[0] <= size[1]
        least = opened.page.evaluate(
            "Math.min(...[...document.querySelectorAll('#rows th')].map((e) => e.offsetWidth))"
        )
        assert least >= 90
        cut = opened.page.evaluate(
            """[...document.querySelectorAll("#rows .value, .card .time, .now b")]
              .filter((e) => e.offsetWidth && e.scrollWidth > e.clientWidth + 1)
              .map((e) => e.textContent)"""
        )
        assert cut == []


@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: npm ci in explorer/")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1440])
def test_everybody_can_use_it(chromium: Any, two: Path, dark: bool, width: int) -> None:
    with Opened(chromium, two, width=width, height=6000, dark=dark, checked=True) as opened:
        for summary in opened.page.query_selector_all("summary"):
            summary.click()
        opened.rest()
        opened.page.add_script_tag(path=str(AXE))
        found = opened.page.evaluate("axe.run()")["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


def test_the_whole_page_is_there_without_scrolling(chromium: Any, two: Path) -> None:
    headings = "[...document.querySelectorAll('#content h2')].map((e) => e.offsetHeight > 0)"
    with Opened(chromium, two, height=300) as opened:
        assert opened.page.evaluate(headings) == [True] * 8  # from the first frame
        opened.rest()
        assert opened.page.locator("#memory svg, #roofline svg, #accuracy svg").count() == 3
        assert "How to read this" in opened.page.text_content("#notes")
        opened.set("alpha", 0.5)
        assert "alpha=0.5" in opened.page.evaluate("location.hash")
        analysis = mnet_cost.analyze("mobilenet_v1", devices=(), alpha=0.5)
        peak = format_bytes(analysis.memory.peak_bytes)
        assert f"{peak} at " in opened.page.text_content("#memory svg")
        assert opened.page.evaluate("scrollY") == 0
        assert opened.said == []


_COUNT_CHANGES = """() => {
  window.changed = new Set();
  const observer = new MutationObserver((all) => {
    for (const { target } of all) {
      const element = target.nodeType === 1 ? target : target.parentElement;
      const place = element?.closest("section, #cards, #totals, #sliders");
      if (place) window.changed.add(`${place.id} ${element.tagName.toLowerCase()}`);
    }
  });
  const all = { subtree: true, childList: true, attributes: true, characterData: true };
  observer.observe(document.body, all);
}"""


def test_the_pointer_over_the_memory_moves_its_cursor_alone(chromium: Any, one: Path) -> None:
    with Opened(chromium, one, height=6000) as opened:
        opened.rest()
        opened.page.evaluate(_COUNT_CHANGES)
        before = opened.page.text_content("#memory .readout")
        opened.page.hover("#memory [role=slider]", position={"x": 200, "y": 20})
        opened.rest()
        assert opened.page.text_content("#memory .readout") != before
        changed = set(opened.page.evaluate("[...window.changed]"))
        assert changed <= {"memory rect", "memory p", "memory b", "memory bdi"}
        assert "memory rect" in changed


def test_blocks_of_two_networks_stand_side_by_side(chromium: Any, two: Path) -> None:
    first, second = (mnet_cost.analyze(name) for name in ("mobilenet_v1", "mobilenet_v2"))
    counts = [
        sum(layer.mult_adds for layer in one.layers if layer.step.name == "logits")
        for one in (first, second)
    ]
    with Opened(chromium, two, "@metric=mult_adds", width=390) as opened:
        opened.rest()
        row = opened.page.locator("#pairs tbody tr").filter(has_text="logits")
        cells = row.locator("th, td").all_text_contents()
        assert cells == ["logits", "1.02 M", "1.28 M", f"{counts[1] / counts[0]:.2f}{TIMES}"]
        for place in ("#comparison", "#pairs"):
            room = opened.page.locator(f"{place} .scroll").evaluate(
                "e => [e.scrollWidth, e.clientWidth]"
            )
            assert room[0] <= room[1], place
        count = opened.page.locator("#pairs tbody tr").count()
        opened.page.locator("#pairs tbody button").first.click()
        opened.rest()
        assert opened.page.locator("#pairs tbody tr").count() > count
        assert opened.said == []


def test_a_card_on_a_phone_says_what_does_not_fit(chromium: Any, tmp_path: Path) -> None:
    file = written(tmp_path, ["mobilenet_v1"], ["pixel_1", "stm32f746", "jetson_nano"])
    with Opened(chromium, file, width=390) as opened:
        opened.rest()
        cards = opened.page.locator(".card").all()
        assert "does not fit" in cards[1].inner_text()
        assert "fits" not in cards[2].inner_text()  # no room for what is as it should be


def test_a_card_says_which_precision_has_a_time(chromium: Any, one: Path) -> None:
    with Opened(chromium, one) as opened:
        card = opened.page.locator(".card").filter(has_text="stm32f746")
        assert "no time at fp32: choose int8" in card.text_content()
        opened.page.select_option("select", label="int8")
        opened.rest()
        assert "choose" not in card.text_content()


def test_on_paper_nothing_is_late(chromium: Any, one: Path) -> None:
    with Opened(chromium, one, height=400) as opened:
        opened.set("alpha", 0.5)
        opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        last = opened.page.locator("#rows tr").last.text_content()
        assert "513 k" in last  # params of the classifier at half the width
        assert opened.page.evaluate("document.documentElement.dataset.theme") == "light"
        assert len(opened.page.pdf()) > 10_000


@pytest.mark.skipif(not os.environ.get("CI"), reason="takes minutes: set CI=1")
def test_all_networks_of_the_library_are_drawn(chromium: Any, tmp_path: Path) -> None:
    names = [
        name
        for file in model_names()
        for name in (file, *[f"{file}:{one}" for one in load_model(file).spec.variants[:1]])
    ]
    for name in names:
        file = written(tmp_path, [name], ["pixel_1_tflite"])
        with Opened(chromium, file, height=5000) as opened:
            opened.rest()
            assert opened.said == [], name
            assert opened.page.locator("#rows tr").count() > 0, name
            assert opened.page.locator("#app.stale").count() == 0, name
            total = mnet_cost.analyze(name, devices=()).totals.mult_adds
            assert shown_numbers(opened)["mult-adds"] == f"{total:,}", name
    assert len(names) >= 80


def test_the_document_of_no_device_has_no_time(chromium: Any, tmp_path: Path) -> None:
    document = explore_document([Explored("net", "net", load_model("mobilenet_v2"))], Asked((), ()))
    file = tmp_path / "net.html"
    file.write_text(write_page(document), encoding="utf-8")
    with Opened(chromium, file, height=5000) as opened:
        opened.rest()
        assert opened.said == []
        assert opened.page.locator(".card").count() == 0
        assert "time" not in opened.page.text_content("#table-head .segments")
        assert opened.page.text_content(".now b") == "300.8 M"
