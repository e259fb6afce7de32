"""mnet_cost: what a vision network costs, from a declarative spec.

    import mnet_cost

    analysis = mnet_cost.analyze("mobilenet_v1", alpha=0.5, devices=["raspberry_pi_4_ncnn"])
    analysis.totals.mult_adds, analysis.memory.peak_bytes, analysis.devices[0].latency_s
    print(analysis.report())

The names below are imported when they are first used, so `import mnet_cost` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnet_cost.api import (
        advise,
        analyze,
        analyze_network,
        calibrate,
        check,
        compare,
        draw,
        explore,
        fit,
        measure_networks,
        reconcile,
        sensitivity,
        sweep,
        validate,
        what_if,
    )
    from mnet_cost.devices import (
        DeviceProfile,
        device_names,
        load_device,
        with_runtime,
        with_threads,
    )
    from mnet_cost.errors import MnetCostError
    from mnet_cost.explorer.explore import ExplorerPage
    from mnet_cost.importing.imports import (
        Imported,
        from_exported,
        from_torch,
        import_model,
        load_onnx,
    )
    from mnet_cost.layers import LAYERS, Layer, Work
    from mnet_cost.models.dump import dump_spec
    from mnet_cost.models.library import load_model, model_names
    from mnet_cost.models.load import parse_spec, read_spec
    from mnet_cost.models.plain_data import spec_from_data
    from mnet_cost.models.schema import json_schema
    from mnet_cost.models.types import Model, ModelSpec
    from mnet_cost.network import Network, elaborate
    from mnet_cost.results import (
        Advices,
        Analysis,
        CalibratedDevice,
        Check,
        Comparison,
        Drawing,
        Fit,
        Measured,
        Reconciliation,
        Sensitivity,
        Sweep,
        Validations,
        WhatIfs,
    )
    from mnet_cost.torch_model import build_module

__version__ = "0.1.0"

__all__ = [
    "LAYERS",
    "Advices",
    "Analysis",
    "CalibratedDevice",
    "Check",
    "Comparison",
    "DeviceProfile",
    "Drawing",
    "ExplorerPage",
    "Fit",
    "Imported",
    "Layer",
    "Measured",
    "MnetCostError",
    "Model",
    "ModelSpec",
    "Network",
    "Reconciliation",
    "Sensitivity",
    "Sweep",
    "Validations",
    "WhatIfs",
    "Work",
    "__version__",
    "advise",
    "analyze",
    "analyze_network",
    "build_module",
    "calibrate",
    "check",
    "compare",
    "device_names",
    "draw",
    "dump_spec",
    "elaborate",
    "explore",
    "fit",
    "from_exported",
    "from_torch",
    "import_model",
    "json_schema",
    "load_device",
    "load_model",
    "load_onnx",
    "measure_networks",
    "model_names",
    "parse_spec",
    "read_spec",
    "reconcile",
    "sensitivity",
    "spec_from_data",
    "sweep",
    "validate",
    "what_if",
    "with_runtime",
    "with_threads",
]

_HOMES = {
    "Advices": "results",
    "Analysis": "results",
    "CalibratedDevice": "results",
    "Check": "results",
    "Comparison": "results",
    "DeviceProfile": "devices",
    "Drawing": "results",
    "ExplorerPage": "explorer.explore",
    "Fit": "results",
    "Imported": "importing.imports",
    "LAYERS": "layers",
    "Layer": "layers",
    "Measured": "results",
    "MnetCostError": "errors",
    "Model": "models.types",
    "ModelSpec": "models.types",
    "Network": "network",
    "Reconciliation": "results",
    "Sensitivity": "results",
    "Sweep": "results",
    "Validations": "results",
    "WhatIfs": "results",
    "Work": "layers",
    "advise": "api",
    "analyze": "api",
    "analyze_network": "api",
    "build_module": "torch_model",
    "calibrate": "api",
    "check": "api",
    "compare": "api",
    "device_names": "devices",
    "draw": "api",
    "dump_spec": "models.dump",
    "elaborate": "network",
    "explore": "api",
    "fit": "api",
    "from_exported": "importing.imports",
    "from_torch": "importing.imports",
    "import_model": "importing.imports",
    "json_schema": "models.schema",
    "load_device": "devices",
    "load_model": "models.library",
    "load_onnx": "importing.imports",
    "measure_networks": "api",
    "model_names": "models.library",
    "parse_spec": "models.load",
    "read_spec": "models.load",
    "reconcile": "api",
    "sensitivity": "api",
    "spec_from_data": "models.plain_data",
    "sweep": "api",
    "validate": "api",
    "what_if": "api",
    "with_runtime": "devices",
    "with_threads": "devices",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module `mnet_cost` has no attribute `{name}`")
    from importlib import import_module

    value = getattr(import_module(f"mnet_cost.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
