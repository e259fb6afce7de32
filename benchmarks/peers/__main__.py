"""`python benchmarks/peers`: see `all_tools.py`."""

from all_tools import main

main()
