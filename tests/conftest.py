"""Options of the test run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Machines differ in speed, so no example is timed; and what fails in CI fails the same way here.
settings.register_profile(
    "mnet_cost",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("mnet_cost")


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
    from schemas import checked

    from mnet_cost.report import files

    written = files.to_json
    monkeypatch.setattr(files, "to_json", lambda report: checked(written(report)))


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
