"""A network in the formats of simulators and viewers, without torch.

`loops.py` has the loop nests of its layers. `scale_sim.py` and `zigzag.py` write them as workloads,
and say what these formats leave out. `node_data.py` writes numbers for a viewer of the user's own
file.
"""
