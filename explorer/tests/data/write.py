"""Writes `mobilenet_v1.json`, a document for the unit tests of the page: run it after a change of
the document."""

from __future__ import annotations

import json
from pathlib import Path

from mnet_cost.devices.choice import choose_devices
from mnet_cost.explorer.document import Asked, Explored, explore_document
from mnet_cost.models.library import load_model

DEVICES = ["pixel_1", "raspberry_pi_4_ncnn", "stm32l4r5_tflm"]


def main() -> None:
    """Write the file beside this one."""
    explored = Explored("mobilenet_v1", "mobilenet_v1", load_model("mobilenet_v1"))
    document = explore_document([explored], Asked(choose_devices(DEVICES), tuple(DEVICES)))
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    (Path(__file__).parent / "mobilenet_v1.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
