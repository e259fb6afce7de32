"""--watch: what is said when files change. Nothing sleeps: edits are made where it would wait."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mnet_cost.cli import main, watch

NET = """\
format: 1
name: net
knobs: {width: 32}
input: {image: [3, 32, 32]}
layers:
  - conv2d: {channels: width, kernel: 3}
  - relu
  - global_avg_pool
  - linear: {features: 10}
"""
ON = ("--device", "raspberry_pi_4_ncnn")

Run = Callable[..., tuple[str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command while it makes `edits`, one after another, each when it waits for one; Ctrl-C
    comes after the last. What it said on stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    Path("net.yaml").write_text(NET)

    def watched(words: Sequence[str], *edits: Callable[[], object]) -> tuple[str, str]:
        waiting, left, calls = "", list(edits), 0

        def sleep(seconds: float) -> None:
            nonlocal waiting, calls
            calls += 1
            assert calls < 50
            said = capsys.readouterr()
            out.append(said.out)
            err.append(said.err)
            if "waiting for changes" in said.err:  # it has begun to wait
                if not left:
                    raise KeyboardInterrupt
                left.pop(0)()

        out: list[str] = []
        err: list[str] = []
        monkeypatch.setattr(watch, "sleep", sleep)
        with pytest.raises(KeyboardInterrupt):
            main([*words, "--watch"])
        assert left == []
        return "".join(out), "".join(err)

    return watched


def put(name: str, old: str, new: str) -> Callable[[], object]:
    """An edit of a file, which is there at another time than before."""

    def edit() -> None:
        path = Path(name)
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        later = path.stat().st_mtime_ns + 1_000_000_000
        os.utime(path, ns=(later, later))

    return edit


def test_what_moved_is_said_first(run: Run) -> None:
    out, err = run(["analyze", "net.yaml", *ON], put("net.yaml", "width: 32", "width: 64"))
    first, _, second = out.partition("What moved")
    assert "mult-adds 885,056" in first
    assert "mult-adds 1,770,112" in second
    assert re.search("^mult-adds +885.1 k +1.770 M +[+]100.0 %$", second, re.MULTILINE)
    assert re.search("^params +1,194 +2,378 +[+]99.2 %$", second, re.MULTILINE)
    assert "time on raspberry_pi_4_ncnn" in second
    assert second.index("\nwidth 32 -> 64 ") < second.index("\ndevice ")
    assert err == "mnet-cost: waiting for changes of net.yaml; Ctrl-C ends it\n" * 2


def test_errors_are_said_and_waiting_goes_on(run: Run) -> None:
    out, err = run(
        ["analyze", "net.yaml", *ON],
        put("net.yaml", "kernel: 3", "kernle: 3"),
        put("net.yaml", "kernle: 3", "kernel: 5"),
    )
    assert err.count("waiting for changes of net.yaml") == 3
    assert "net.yaml:6:" in err
    assert "did you mean `kernel`" in err
    assert out.count("Blocks;") == 2
    assert "`conv2d` `kernel` 3 -> 5 (net.yaml:6)" in out  # against what was right before


def test_a_spec_that_is_wrong_at_first_is_waited_for(run: Run) -> None:
    Path("net.yaml").write_text(NET.replace("conv2d", "conv2"))
    out, err = run(["analyze", "net.yaml", *ON], put("net.yaml", "conv2:", "conv2d:"))
    assert "net.yaml:6:5: there is no layer kind or block `conv2`" in err
    assert "What moved" not in out
    assert "mult-adds 885,056" in out


def test_an_edit_that_moves_nothing(run: Run) -> None:
    out, _ = run(["analyze", "net.yaml", *ON], put("net.yaml", "- relu", "- relu  # as ever"))
    assert "\nNothing moved\n\n" in out  # and no head of a table without rows


def test_what_a_spec_extends_is_watched(run: Run) -> None:
    Path("wide.yaml").write_text("format: 1\nname: wide\nextends: ./net.yaml\nknobs: {width: 48}\n")
    out, err = run(["analyze", "wide.yaml", *ON], put("net.yaml", "features: 10", "features: 20"))
    assert "waiting for changes of net.yaml, wide.yaml" in err
    assert "What moved" in out
    assert "features" in out.partition("What moved")[2]


def test_a_profile_that_is_a_file_is_watched(run: Run) -> None:
    from mnet_cost.devices.library import device_path

    text = device_path("raspberry_pi_4").read_text(encoding="utf-8")
    Path("pi.yaml").write_text(text, encoding="utf-8")
    out, err = run(
        ["analyze", "net.yaml", "--device", "./pi.yaml"],
        put("pi.yaml", "macs: 24 GMAC/s", "macs: 12 GMAC/s"),
    )
    assert "./pi.yaml" in err
    assert "time on raspberry_pi_4" in out.partition("What moved")[2]


def test_a_comparison_says_which_network_moved(run: Run) -> None:
    Path("other.yaml").write_text(NET)
    out, err = run(
        ["compare", "net.yaml", "other.yaml", *ON], put("other.yaml", "width: 32", "width: 16")
    )
    moved = out.partition("What moved")[2]
    assert re.search(r"^other.yaml +mult-adds +885.1 k +442.5 k +-50.0 %$", moved, re.M)
    assert not re.search(r"^net.yaml +mult-adds +885.1 k +[^ ]", moved[: moved.index("\n\n")], re.M)
    assert "waiting for changes of net.yaml, other.yaml" in err


def test_a_file_is_written_anew(run: Run) -> None:
    widen, pages = put("net.yaml", "width: 32", "width: 64"), []

    def edit() -> None:
        pages.append(Path("out.html").read_text())
        widen()

    out, _ = run(["analyze", "net.yaml", *ON, "-o", "out.html"], edit)
    assert out == ""
    assert "885,056" in pages[0]
    page = Path("out.html").read_text()
    assert "1,770,112" in page
    assert "What moved" in page


def test_several_batches(run: Run) -> None:
    out, _ = run(
        ["analyze", "net.yaml", *ON, "--batch", "1,8"], put("net.yaml", "width: 32", "width: 64")
    )
    moved = out.partition("What moved")[2]
    assert re.search(r"^net.yaml at batch 1 +mult-adds +885.1 k +1.770 M +[+]100.0 %$", moved, re.M)
    assert re.search(r"^net.yaml at batch 8 +mult-adds +7.080 M +14.16 M +[+]100.0 %$", moved, re.M)


def test_a_plot_is_drawn_anew(run: Run) -> None:
    pytest.importorskip("matplotlib")
    pictures = []
    widen = put("net.yaml", "width: 32", "width: 64")

    def edit() -> None:
        pictures.append(Path("a.svg").read_text())
        widen()

    run(["compare", "net.yaml", "lenet5", *ON, "--plot", "a.svg"], edit)
    assert Path("a.svg").read_text() != pictures[0]


BUDGETS = "format: 1\nbudgets:\n  - {model: net.yaml, params: 2 k, mult_adds: 800 k}\n"


def test_a_check_says_which_verdict_moved(run: Run) -> None:
    Path("budget.yaml").write_text(BUDGETS)
    out, err = run(
        ["check", "budget.yaml"],
        put("net.yaml", "width: 32", "width: 16"),
        put("budget.yaml", "params: 2 k", "params: 0.5 k"),
        put("budget.yaml", "params: 0.5 k,", ""),
    )
    first, second, third, fourth = out.split("What moved")
    assert "885,056" in first
    line = r"^net +mult-adds +885,056 +442,528 +-50.0 % +over -> within$"
    assert re.search(line, second, re.MULTILINE)
    assert re.search("^net +params +1,194 +602 +-49.6 % +within$", second, re.MULTILINE)
    assert re.search("^net +limit of params +2,000 +500 +-75.0 % +within -> over$", third, re.M)
    assert re.search("^net +params +602 +no limit *$", fourth, re.M)
    assert err.count("waiting for changes of budget.yaml, net.yaml") >= 3


def test_budgets_that_are_wrong_are_said_and_waiting_goes_on(run: Run) -> None:
    Path("budget.yaml").write_text(BUDGETS)
    out, err = run(
        ["check", "budget.yaml"],
        put("budget.yaml", "params:", "parms:"),
        put("budget.yaml", "parms:", "params:"),
    )
    assert "did you mean `params`" in err
    assert out.count("885,056") == 2
    assert "Nothing moved" in out


def test_a_check_without_models_watches_the_budgets_that_it_finds(run: Run) -> None:
    Path("net.yaml").write_text(NET + "budgets:\n  - {params: 2 k}\n")
    out, err = run(["check", "net.yaml"], put("net.yaml", "2 k", "1 k"))
    assert "waiting for changes of net.yaml;" in err
    assert "within -> over" in out


def test_a_file_that_an_editor_replaces(run: Run) -> None:
    def replace() -> None:
        Path("draft").write_text(NET.replace("width: 32", "width: 64"))
        os.replace("draft", "net.yaml")

    out, _ = run(["analyze", "net.yaml", *ON], replace)
    assert "+100.0 %" in out.partition("What moved")[2]


def test_a_file_that_is_gone_for_a_while(run: Run) -> None:
    out, err = run(
        ["analyze", "net.yaml", *ON],
        lambda: Path("net.yaml").unlink(),
        lambda: Path("net.yaml").write_text(NET.replace("width: 32", "width: 64")),
    )
    assert "net.yaml: cannot be read: no such file or directory" in err
    assert "+100.0 %" in out.partition("What moved")[2]


def test_an_option_that_the_spec_does_not_suit_any_more(run: Run) -> None:
    out, err = run(
        ["analyze", "net.yaml", *ON, "--set", "width=8"],
        put("net.yaml", "knobs: {width: 32}", "lets: {width: 32}"),
        put("net.yaml", "lets: {width: 32}", "knobs: {width: 16}"),
    )
    assert "width" in err
    assert out.count("Blocks;") == 2


def test_colours_say_better_and_worse() -> None:
    from mnet_cost import analyze
    from mnet_cost.report import Report, render
    from mnet_cost.report.moved import moved_tables

    wide, narrow = analyze("mobilenet_v1"), analyze("mobilenet_v1", alpha=0.5)
    for before, after, colour, change in (
        (wide, narrow, 32, "-73.7"),
        (narrow, wide, 31, "+280.4"),
    ):
        tables = moved_tables(["a"], [before], [after])
        text = render(Report("t", "", (), tuple(tables), (), dict), "text", 100, color=True)
        assert f"\x1b[{colour}m{change} %\x1b[0m" in text


def test_a_verdict_that_is_another_one(tmp_path: Path) -> None:
    from mnet_cost import analyze
    from mnet_cost.report.moved import moved_tables

    settings = {"devices": ["stm32h743"], "precision": "int8"}
    large = analyze("mobilenet_v1", **settings)  # type: ignore[arg-type]
    small = analyze("mobilenet_v1", alpha=0.25, resolution=96, **settings)  # type: ignore[arg-type]
    (table, *_) = moved_tables(["a"], [large], [small])
    assert ("fits stm32h743", "no", "yes") in [row[:3] for row in table.rows]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["analyze", "-"], "`--watch` needs a file: stdin is read once"),
        (["analyze", "git:main:net.yaml"], "is a revision, which never changes"),
        (["analyze", "net.yaml", "--format", "json"], "`--watch` prints text, not json"),
        (["check", "git:main:net.yaml"], "is a revision, which never changes"),
        (["check", "net.yaml", "--format", "junit"], "`--watch` prints text, not junit"),
        (["check", "net.yaml"], "there is no budget"),
        (["check", "net.yaml", "--limit", "parms<=2M"], "did you mean `params`"),
        (["analyze", "not_there.yaml"], "not_there.yaml: cannot be read"),
        (["analyze", "mobilenet_v11"], "there is no model `mobilenet_v11`"),
        (["analyze", "net.yaml", "--top", "3"], "`--top` is for kernels"),
    ],
)
def test_what_cannot_be_watched(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET)
    assert main([*words, "--watch"]) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_being_written_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("a")
    before = watch.signature_of([str(path)])
    contents = [None, "ab", "abc", "abc"]
    seen = []

    def sleep(seconds: float) -> None:
        content = contents.pop(0)
        if content is None:
            path.unlink()
        elif not path.exists() or path.read_text() != content:
            path.write_text(content)
        seen.append(content)

    monkeypatch.setattr(watch, "sleep", sleep)
    watch._wait_for_change([str(path)], before)
    assert seen == [None, "ab", "abc", "abc"]
