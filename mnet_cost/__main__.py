"""`python -m mnet_cost` is the same program as `mnet-cost`."""

from __future__ import annotations

from mnet_cost.cli import entry_point

if __name__ == "__main__":
    entry_point()
