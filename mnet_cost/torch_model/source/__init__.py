"""A network as plain PyTorch source: a class for each block, loops for copies, torch alone.

`write_source` goes through these files, in this order; each hands its result to the next:

1. `record` carries out the rules of the layers (`torch_model/rules/`) with an emitter that writes
   down each call: a `Recording` of operations, of modules with their arguments, and of values.
2. `call_tree` arranges the operations by the calls of blocks in the spec. Each call that can be a
   module of its own becomes an `Instance`, which knows its modules, acts, inputs and outputs.
3. `sequences` puts the copies of an entry (`name.1`, `name.2`, ...) into one `nn.Sequential`.
4. `class_merge` merges the instances of a block into as few classes as it can. It asks
   `constructor_slots` for the modules that a class constructs, `argument_columns` for the arguments
   that differ between its instances and so become parameters of the constructor, and `guards` for
   the condition of a module or line that only some instances have.
5. `class_plan` holds the result: a `ClassPlan` says what a class constructs, calls and returns.
6. `forward` writes the statements of a plan's `forward`: nested calls, variables, `if`.
7. `write` writes the constructor, the class and the file; `text` has the rules of Python text (how
   a function is named, where a line is broken).

Where steps 2 to 4 meet a call that cannot be a module of its own (`NotAloneError`), they run again
and write the operations of that call into the class around it.
"""

from __future__ import annotations

from mnet_cost.torch_model.source.write import write_source

__all__ = ["write_source"]
