"""Books the differences of two networks to their reasons, so that all of them add up.

Each difference of a layer goes to the reasons of that layer together; that of a kernel to those of
all layers in it, of both networks; bytes at the peak to those of whatever made them. Not here:
which reasons a layer has (`causes.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isclose

from mnet_cost.differences.causes import Effect
from mnet_cost.differences.reasons import NOTHING, REST, Reason, Reasons, bounded
from mnet_cost.differences.snapshots import ADDITIVE, PEAK, KernelSnapshot, Snapshot
from mnet_cost.metrics import TOTALS

TOLERANCE = 1e-9
"""Of the larger time: what the times of causes may differ by from their sum, for rounding."""

_CACHES = Reason("rest", "caches hold another share of what all kernels read")
"""Why a kernel takes another time although all its layers are the same."""


class Account:
    """What is booked to some reasons."""

    def __init__(self, devices: Sequence[str]) -> None:
        self.changes = dict.fromkeys([total.name for total in TOTALS], 0)
        self.seconds: dict[str, list[float]] = {device: [] for device in devices}
        self.layers: dict[str, None] = {}
        self.follows: dict[str, None] = {}

    def add(self, costs: Iterable[int]) -> None:
        """Add what a layer adds to each of `ADDITIVE`."""
        for metric, cost in zip(ADDITIVE, costs, strict=True):
            self.changes[metric.name] += cost


class Booking:
    """Differences by the reasons that they are booked to."""

    def __init__(self, devices: Sequence[str]) -> None:
        self.devices = list(devices)
        self._accounts: dict[tuple[Reason, ...], Account] = {}

    def accounts(self) -> list[tuple[tuple[Reason, ...], Account]]:
        """What is booked to each reason, in the order of booking; then to several together, then
        to what has no cause."""
        return sorted(
            self._accounts.items(),
            key=lambda item: (item[0][0].what in ("rest", "peak"), len(item[0]) > 1),
        )

    def book_step(self, before: Snapshot, after: Snapshot, reasons: tuple[Reason, ...]) -> None:
        """All that differs between one spec at two settings, to `reasons`."""
        account = self._account(reasons)
        for old in before.layers:
            account.add([-cost for cost in old.costs])
        for new in after.layers:
            account.add(new.costs)
        account.changes[PEAK] += _peak(after) - _peak(before)
        for device in self.devices:
            account.seconds[device] += [_seconds(after, device), -_seconds(before, device)]
        # Of one spec, so layers of one name are one layer.
        old_layers = {layer.name: layer for layer in before.layers}
        for new in after.layers:
            old_layer = old_layers.pop(new.name, None)
            if old_layer is None or old_layer.fields != new.fields:
                account.layers.setdefault(new.name)
            elif old_layer.costs != new.costs:
                account.follows.setdefault(new.name)
        account.layers |= dict.fromkeys(old_layers)

    def book_specs(self, first: Snapshot, other: Snapshot, effects: Sequence[Effect]) -> None:
        """What differs by the specs: each layer to its reasons."""
        ledger = _Ledger(first, other, effects)
        for reason in ledger.in_order:  # the order in which causes are told
            self._account((reason,))
        for effect in effects:
            mine = None if effect.first is None else first.layers[effect.first]
            theirs = None if effect.other is None else other.layers[effect.other]
            costs = [0] * len(ADDITIVE)
            if theirs is not None:
                costs = list(theirs.costs)
            if mine is not None:
                costs = [cost - old for cost, old in zip(costs, mine.costs, strict=True)]
            if not effect.reasons:
                assert not any(costs), "a layer that is the same costs the same"
                continue
            account = self._account(ledger.sorted(effect.reasons))
            account.add(costs)
            layer = theirs or mine
            assert layer is not None
            if effect.own:
                account.layers.setdefault(layer.name)
                for reason in effect.own:
                    self._account((reason,)).layers.setdefault(layer.name)
            else:
                account.follows.setdefault(layer.name)
        for reasons, change in ledger.peak():
            self._account(reasons).changes[PEAK] += change
        for device in self.devices:
            for reasons, seconds in ledger.seconds(device):
                self._account(reasons).seconds[device].append(seconds)

    def _account(self, reasons: tuple[Reason, ...]) -> Account:
        account = self._accounts.get(reasons)
        if account is None:
            account = self._accounts[reasons] = Account(self.devices)
        return account


def _peak(snapshot: Snapshot) -> int:
    return sum(tensor.bytes for tensor in snapshot.live_at_peak)


def _seconds(snapshot: Snapshot, device: str) -> float:
    time = snapshot.on(device)
    return (time.latency_s if time else None) or 0.0


class _Ledger:
    """Reasons of what is no layer: kernels, and tensors in memory at the peaks."""

    def __init__(self, first: Snapshot, other: Snapshot, effects: Sequence[Effect]) -> None:
        self.first, self.other = first, other
        self._of_first = {first.layers[each.first].name: each
                          for each in effects if each.first is not None}  # fmt: skip
        self._of_other = {other.layers[each.other].name: each
                          for each in effects if each.other is not None}  # fmt: skip
        seen = dict.fromkeys(reason for each in effects for reason in sorted(each.own))
        seen |= dict.fromkeys(reason for each in effects for reason in sorted(each.reasons))
        self._place = {reason: place for place, reason in enumerate(seen)}
        self.in_order = tuple(seen)

    def sorted(self, reasons: Reasons) -> tuple[Reason, ...]:
        return tuple(sorted(reasons, key=lambda reason: self._place.get(reason, len(self._place))))

    def or_rest(self, reasons: Reasons, rest: Reason = REST) -> tuple[Reason, ...]:
        """`reasons` in order; where there are none, the only cause that there is, or `rest`."""
        if reasons:
            return self.sorted(reasons)
        return self.in_order if len(self.in_order) == 1 else (rest,)

    def partner(self, effect: Effect, is_first: bool) -> str | None:
        """The name in the other network of a layer, by whose side it is."""
        index = effect.other if is_first else effect.first
        if index is None:
            return None
        return (self.other if is_first else self.first).layers[index].name

    # --- memory

    def peak(self) -> list[tuple[tuple[Reason, ...], int]]:
        """The difference of the peaks, by tensors that are alive at one of them or at both.

        A tensor of which neither size nor kind of producer changed was not made by a cause: that it
        counts now, or no more, is since another layer needs most.
        """
        before, now = self.first.peak_at, self.other.peak_at
        partner = self.partner(self._of_first[before], True)
        if partner == now:
            text = f"other tensors are in memory at the peak, at `{now}`"
        else:
            text = f"the peak is at `{now}`, not at " + (
                f"`{partner}`" if partner else f"`{before}`, which was removed"
            )
        elsewhere = Reason("peak", text)
        booked: list[tuple[tuple[Reason, ...], int]] = []
        for snapshot, sign in ((self.other, 1), (self.first, -1)):
            for tensor in snapshot.live_at_peak:
                reasons = self._reasons_of_tensor(tensor.name, sign < 0)
                booked.append((self.or_rest(reasons, elsewhere), sign * tensor.bytes))
        return booked

    def _reasons_of_tensor(self, name: str, is_first: bool) -> Reasons:
        name = name.removeprefix("scratch of ")
        effects = self._of_first if is_first else self._of_other
        effect = effects.get(name) or effects.get(name.rpartition(".")[0])
        if effect is not None:
            return effect.reasons
        # An input of the network: what changed it is what changed its readers.
        old, new = dict(self.first.inputs), dict(self.other.inputs)
        if old.get(name) == new.get(name):
            return NOTHING
        layers = (self.first if is_first else self.other).layers
        readers = [effects[layer.name].reasons for layer in layers if name in layer.inputs]
        return NOTHING.union(*readers)

    # --- times

    def seconds(self, device: str) -> list[tuple[tuple[Reason, ...], float]]:
        """The difference of the times on a device, kernel by kernel."""
        old, new = self.first.on(device), self.other.on(device)
        if old is None or new is None or old.latency_s is None or new.latency_s is None:
            return []
        mine = {kernel.name: kernel for kernel in old.kernels}
        theirs = {kernel.name: kernel for kernel in new.kernels}
        running = {name: each for each in old.kernels for name in each.layers}
        running_there = {name: each for each in new.kernels for name in each.layers}
        booked: list[tuple[tuple[Reason, ...], float]] = []
        done: set[str] = set()
        for name, kernel in theirs.items():
            before = mine.get(self.partner(self._of_other[name], False) or "")
            if before is not None:
                done.add(before.name)
            seconds, old_seconds = kernel.latency_s or 0.0, (before and before.latency_s) or 0.0
            change = seconds - old_seconds
            if not isclose(seconds, old_seconds, rel_tol=TOLERANCE):  # a file rounds milliseconds
                kernels = [before] if before else self._running(kernel, running, False)
                booked.append((self._of_kernels(kernels, [kernel]), change))
        for name, kernel in mine.items():
            if name not in done and kernel.latency_s:
                kernels = self._running(kernel, running_there, True)
                booked.append((self._of_kernels([kernel], kernels), -kernel.latency_s))
        constant = new.inference_s - old.inference_s
        if not isclose(new.inference_s, old.inference_s, abs_tol=TOLERANCE * new.latency_s):
            booked.append((self.or_rest(NOTHING), constant))
        return booked

    def _running(
        self, kernel: KernelSnapshot, running: Mapping[str, KernelSnapshot], is_first: bool
    ) -> list[KernelSnapshot]:
        """The kernels of the other network in which the layers of a kernel run."""
        effects = self._of_first if is_first else self._of_other
        names = [self.partner(effects[name], is_first) for name in kernel.layers]
        return [running[name] for name in names if name is not None and name in running]

    def _of_kernels(
        self, first: Iterable[KernelSnapshot], other: Iterable[KernelSnapshot]
    ) -> tuple[Reason, ...]:
        """The reasons of all layers that run in some kernels of both networks."""
        reasons: Reasons = NOTHING
        for kernel in first:
            reasons |= NOTHING.union(*[self._of_first[name].reasons for name in kernel.layers])
        for kernel in other:
            reasons |= NOTHING.union(*[self._of_other[name].reasons for name in kernel.layers])
        return self.or_rest(bounded(reasons), _CACHES)
