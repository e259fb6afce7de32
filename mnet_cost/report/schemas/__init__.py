"""JSON Schemas of the documents that commands write, by the names of `schema_ids`.

Written by hand beside the documents, so that what a key means is said once and in one place.
"""

from __future__ import annotations

from mnet_cost.report.schema_ids import VERSIONS, schema_id
from mnet_cost.report.schemas.analysis import analysis_schema, batches_schema
from mnet_cost.report.schemas.check import check_schema
from mnet_cost.report.schemas.comparison import compare_schema, explain_schema
from mnet_cost.report.schemas.devices import (
    calibration_schema,
    device_choice_schema,
    device_schema,
    devices_beside_schema,
    devices_schema,
)
from mnet_cost.report.schemas.fit import fit_schema
from mnet_cost.report.schemas.measured import measurement_schema
from mnet_cost.report.schemas.networks import model_schema, models_schema
from mnet_cost.report.schemas.others import (
    layer_kind_schema,
    layers_schema,
    paper_schema,
    training_comparison_schema,
    training_schema,
)
from mnet_cost.report.schemas.parts import Json, listed, text
from mnet_cost.report.schemas.reconcile import reconcile_schema
from mnet_cost.report.schemas.sensitivity import sensitivity_schema
from mnet_cost.report.schemas.sweep import sweep_schema
from mnet_cost.report.schemas.validation import runs_schema, validation_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def document_schema(document: str) -> Json:
    """The schema of one of the documents in `VERSIONS`."""
    schema = _DOCUMENTS[document]()
    head = {"schema": {"description": "Name and version of this document.",
                       "const": schema_id(document)}}  # fmt: skip
    notes = {"notes": listed(text("a sentence"), "all notes of the report, for people")}
    return {
        "$schema": DIALECT,
        "title": f"mnet-cost {document}, version {VERSIONS[document]}",
        **schema,
        "properties": head | schema["properties"] | notes,
        "required": ["schema", *schema["required"], "notes"],
    }


_DOCUMENTS = {
    "analysis": analysis_schema,
    "batches": batches_schema,
    "compare": compare_schema,
    "explain": explain_schema,
    "sweep": sweep_schema,
    "fit": fit_schema,
    "check": check_schema,
    "sensitivity": sensitivity_schema,
    "reconcile": reconcile_schema,
    "models": models_schema,
    "model": model_schema,
    "devices": devices_schema,
    "device": device_schema,
    "devices-beside": devices_beside_schema,
    "device-choice": device_choice_schema,
    "layers": layers_schema,
    "layer": layer_kind_schema,
    "paper": paper_schema,
    "calibration": calibration_schema,
    "validation": validation_schema,
    "runs": runs_schema,
    "measurement": measurement_schema,
    "training": training_schema,
    "training-comparison": training_comparison_schema,
}
