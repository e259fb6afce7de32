"""Models that other tools wrote, as specs: ONNX, torch.export, TFLite, ncnn.

Data flows one way. A reader (`readers/`) makes a `Graph` of operators (`graph.py`) of a file.
`mapping/` maps it to layers of our kinds, one to one (`layer_graph.py`). `patterns/` joins layers
that a person writes as one, `blocks/` folds what repeats, and `write.py` makes plain data that the
spec language can say. Only `readers/exported.py` and `readers/modules.py` import torch.
"""
