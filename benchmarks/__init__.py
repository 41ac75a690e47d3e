"""How fast the pipeline is, against the usual way and against the limits of the machine.

`python -m benchmarks` measures; a module measures one numbered line of what is promised.
"""
