"""Plain sampling: networks are drawn in chunks, by exact samplers.

Its modules are imported one by one: those that a worker needs load torch, and the command line starts
without any.
"""
