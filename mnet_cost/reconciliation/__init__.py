"""Why another tool or a paper prints another number of mult-adds for a network.

`figures.py` reads the number, `readings.py` counts the network as tools do, `search.py` finds the
reading that gives the number, and `types.py` has the result: causes that add up to the gap.
"""
