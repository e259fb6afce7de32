"""Names and versions of the JSON documents: `mnet-cost/analysis/6`. `schema --of` has the names.

A version is raised whenever a key goes, comes or changes its meaning.
"""

from __future__ import annotations

VERSIONS = {
    "analysis": 6,
    "batches": 2,
    "compare": 3,
    "explain": 2,
    "sweep": 1,
    "fit": 1,
    "check": 2,
    "sensitivity": 1,
    "reconcile": 1,
    "models": 3,
    "model": 3,
    "devices": 2,
    "device": 3,
    "devices-beside": 3,
    "device-choice": 4,
    "layers": 3,
    "layer": 2,
    "paper": 1,
    "calibration": 2,
    "validation": 1,
    "runs": 1,
    "measurement": 1,
    "training": 1,
    "training-comparison": 2,
}


def schema_id(document: str) -> str:
    """What a document says in its key `schema`."""
    return f"mnet-cost/{document}/{VERSIONS[document]}"
