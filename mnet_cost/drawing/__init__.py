"""The architecture of a network as a figure, and as a graph for other programs.

`diagram.py` says what is drawn: a box for each block or layer, with its costs. `folding.py` joins
the middle of a long network. `layout.py` places boxes and arrows. `shapes.py` makes rectangles,
lines and texts of them, which `svg.py` and `png.py` write. `graph_files.py` writes Graphviz and
GraphML, which have no places.
"""
