"""Names and versions of the JSON documents: `mnet-cost/analysis/3`. `schema --of` has the names.

A version is raised whenever a key goes, comes or changes its meaning.
"""

from __future__ import annotations

VERSIONS = {
    "analysis": 3,
    "batches": 2,
    "compare": 3,
    "explain": 3,
    "models": 4,
    "model": 3,
    "devices": 3,
    "device": 3,
    "devices-beside": 3,
    "device-choice": 3,
    "layers": 3,
    "layer": 3,
    "paper": 2,
    "calibration": 3,
    "training": 2,
    "training-comparison": 3,
}


def schema_id(document: str) -> str:
    """What a document says in its key `schema`."""
    return f"mnet-cost/{document}/{VERSIONS[document]}"
