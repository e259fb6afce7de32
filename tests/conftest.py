"""Options of the test run, and which tests are quick."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Each worker of pytest-xdist has a processor of its own, as far as there are as many.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# Whoever runs the tests may have a narrow terminal: tests set the width that they are about.
os.environ.pop("COLUMNS", None)

# Machines differ in speed, so no example is timed; and what fails in CI fails the same way here.
settings.register_profile(
    "mnet_cost",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("mnet_cost")

for _name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):  # `check` says more there
    os.environ.pop(_name, None)

HERE = Path(__file__).resolve().parent
_NOT_QUICK = {
    *("docs", "words", "lazy_imports", "spec_errors", "spec_files", "spec_fuzz", "files"),  # files
    *("library", "catalog", "conventions", "energy", "explain", "devices"),  # all of a list
    *("arrays", "arrays_network", "memory", "arena", "schedule", "time_breakdown"),  # searches
    *("schema", "dump", "extends", "torch_oracle", "lookalikes"),  # other programs, all of Unicode
}
"""Files of tests in the folders of floors 0 to 5 that take longer than a second or two."""


def is_quick(path: Path) -> bool:
    """Whether a file or folder has tests of `pytest -m quick`: unit tests of floors 0 to 5."""
    if path.is_dir():
        return path == HERE or path.name in ("layers", "models", "devices", "analysis")
    return path.stem.removeprefix("test_") not in _NOT_QUICK


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m quick`, files without quick tests are not even imported."""
    if config.option.markexpr == "quick" and HERE in (collection_path, *collection_path.parents):
        return True if not is_quick(collection_path) else None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is quick: by place, without property tests and without those which measure
    that work is linear."""
    for item in items:
        unit = is_quick(item.path) and is_quick(item.path.parent)
        searches = getattr(getattr(item, "function", None), "is_hypothesis_test", False)
        measures = "is_linear" in item.name
        if unit and not (searches or measures):
            item.add_marker("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write expected outputs anew, then read them"
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether expected outputs are to be written, not compared."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(autouse=True)
def documents_follow_their_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every JSON document that a test makes is checked against the schema of its kind."""
    from mnet_cost.report import files

    written = files.to_json

    def to_json(*arguments: Any) -> str:
        from schemas import checked  # jsonschema takes half a second to import

        return checked(written(*arguments))

    monkeypatch.setattr(files, "to_json", to_json)


@pytest.fixture
def in_root(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of the checkout, as working directory."""
    root = Path(__file__).resolve().parent.parent
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def made_up_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The devices of `profiles.py` can be named as those that are shipped."""
    from profiles import PROFILES

    from mnet_cost import devices
    from mnet_cost.devices import choice

    shipped = devices.load_device

    def load_device(name: str) -> devices.DeviceProfile:
        return PROFILES[name] if name in PROFILES else shipped(name)

    monkeypatch.setattr(devices, "load_device", load_device)
    monkeypatch.setattr(choice, "load_device", load_device)
