"""What `analyze --sparsity` says beside the rest: a fact, notes, and a part of the JSON."""

from __future__ import annotations

from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.report.types import Absent, Fact
from mnet_cost.units import format_bytes


def sparsity_facts(analysis: Analysis) -> tuple[Fact, ...]:
    """The mult-adds that are left; unknown like totals where a layer has no rule."""
    zeros = analysis.sparsity
    if zeros is None:
        return ()
    label = "effective mult-adds"
    if not analysis.has_totals:
        return (
            Fact(label, Absent("unknown"), "count", "since a layer has no cost rule", whole=True),
        )
    least = "at least; " if analysis.unmodelled else ""
    share = 100 * zeros.zeros / zeros.weights if zeros.weights else 0.0
    detail = f"{least}not with a zero: {share:.4g} % of the weights are; "
    if any(layer.fours for layer in zeros.layers):
        detail += f"params take {format_bytes(zeros.stored_weight_bytes)} with 2:4 compressed"
    else:
        detail += "stored like other weights"
    return (Fact(label, zeros.effective_mult_adds, "count", detail, whole=True),)


def sparsity_notes(analysis: Analysis) -> list[str]:
    """Notes that say what such zeros save."""
    zeros = analysis.sparsity
    if zeros is None:
        return []
    notes = []
    if any(layer.zeros and not layer.fours for layer in zeros.layers):
        notes.append(
            "zeros anywhere make a matrix product faster only where nearly all weights are zero, "
            "and with code that skips them (arXiv:1704.04861, section 3.2)"
        )
    if zeros.dense_names:
        some = ", ".join(zeros.dense_names[:3]) + (", ..." if len(zeros.dense_names) > 3 else "")
        notes.append(
            f"{len(zeros.dense_names)} of {len(zeros.layers)} layers stay dense, since 2:4 needs "
            f"input channels in fours: {some}"
        )
    return notes


def sparsity_document(analysis: Analysis) -> dict[str, Any] | None:
    """The `sparsity` of the JSON document; None where nobody asked for it."""
    zeros = analysis.sparsity
    if zeros is None:
        return None

    def known(value: int) -> int | None:
        return value if analysis.has_totals else None

    return {
        "rules": [rule.text for rule in zeros.rules],
        "weights": known(zeros.weights),
        "zeros": known(zeros.zeros),
        "effective_mult_adds": known(zeros.effective_mult_adds),
        "stored_weight_bytes": known(zeros.stored_weight_bytes),
        "dense": list(zeros.dense_names),
        "layers": [
            {
                "name": layer.name,
                "share": layer.share,
                "pattern": "2:4" if layer.fours else None,
                "weights": layer.weights,
                "zeros": layer.zeros,
                "effective_mult_adds": layer.effective_mult_adds,
                "saved_bytes": layer.saved_bytes,
            }
            for layer in zeros.layers
        ],
    }
