"""How large a system has to be: a model of what was measured, in docs/capacity.md.

measured.py   the figures it is made of, each with where it was measured
model.py      what follows from them for a load (pure)
"""
