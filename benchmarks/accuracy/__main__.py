"""`python benchmarks/accuracy`: see `all_tables.py`."""

from all_tables import main

main()
