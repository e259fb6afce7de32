"""Mapping: from a graph of operators to layers of our kinds, one to one.

`mapper.py` goes through the nodes, `values.py` has what a tensor is meanwhile, `builder.py` adds
layers. What an operator of any dialect becomes is in one file per family; `onnx/`, `aten/` and
`tflite/` read attributes and call the families.
"""
