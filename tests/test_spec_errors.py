"""Every way to get a model file wrong, with the whole message that the user reads.

Each file of `spec_errors` is a model file, a line `# output`, and the message. Its first line
may say `# knobs: alpha=0` or `# variant: full`. `pytest --update-golden` writes the messages.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mnet_cost.errors import MnetCostError
from mnet_cost.models.library import split_reference
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate

CASES = sorted((Path(__file__).parent / "spec_errors").glob("*.yaml"))
OUTPUT = "# output\n"
SECONDS = 20.0  # every case is milliseconds, but for those that run into a limit


def message_of(name: str, text: str) -> str:
    """What checking a model file of that text says."""
    first = text.partition("\n")[0]
    variant = first.removeprefix("# variant: ") if first.startswith("# variant: ") else None
    knobs = {}
    if first.startswith("# knobs: "):
        knobs = split_reference("x@" + first.removeprefix("# knobs: "))[2]
    with pytest.raises(MnetCostError) as caught:
        elaborate(parse_spec(text, variant, name), knobs)
    return f"{caught.value}\n"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_message(path: Path, update_golden: bool) -> None:
    text, _, expected = path.read_text().partition(OUTPUT)
    start = time.process_time()
    message = message_of(path.name, text)
    assert time.process_time() - start < SECONDS
    if update_golden:
        path.write_text(text + OUTPUT + message)
    else:
        assert message == expected


def test_there_are_cases() -> None:
    assert len(CASES) >= 70
