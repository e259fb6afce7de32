"""A file of another kind than the one that a command takes is called what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnet_cost.cli import main

FILES = {
    "model": "format: 1\nname: net\ninput: {x: [3]}\nlayers: [{linear: {features: 2}}]\n",
    "device": "format: 1\nname: mine\nbasis: fitted\nextends: pixel_1\nthreads: 1\n",
    "paper": "format: 1\nname: mine\ntitle: Mine\nsource: me\ntables: []\n",
    "budget": "format: 1\nbudgets: [{model: lenet5, params: 1 M}]\n",
}
COMMANDS = {
    "analyze {}.yaml": "a model",
    "compare {}.yaml mobilenet_v1": "a model",
    "models show {}.yaml": "a model",
    "devices {}.yaml": "a device profile",
    "analyze mobilenet_v1 --device {}.yaml": "a device profile",
    "paper {}.yaml": "the tables of a paper",
    "check --budget {}.yaml": "a file of budgets",
}
KINDS = {
    "model": ("4:1", "a model", "`mnet-cost analyze` takes a model"),
    "device": (
        "3:1",
        "a device profile",
        "`mnet-cost devices` and `--device` take a device profile",
    ),
    "paper": ("5:1", "the tables of a paper", "`mnet-cost paper` takes tables of a paper"),
    "budget": ("2:1", "a file of budgets", "`mnet-cost check` takes a file of budgets"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_another_kind(
    command: str,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(f"{kind}.yaml").write_text(FILES[kind])
    place, title, taken = KINDS[kind]
    asked = COMMANDS[command]
    main(command.format(kind).split())
    said = capsys.readouterr().err
    if title == asked:
        assert "this is" not in said
        return
    first, *_, hint = said.splitlines()
    assert first == f"mnet-cost: {kind}.yaml:{place}: this is {title}, not {asked}"
    assert hint == f"hint: {taken}"
    assert said.count("hint: ") == 1
