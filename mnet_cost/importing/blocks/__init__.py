"""From a graph of layers to blocks with arguments: what repeats is written once.

`leaves.py` says what copies have in common, `windows.py` finds them, `scores.py` chooses,
`options.py` merges blocks that are nearly the same, `arguments.py` says what differs, with the
forms of `expressions.py` and the names of `argument_names.py`. `fold.py` is the way through them.
Names and text are one folder above.
"""
