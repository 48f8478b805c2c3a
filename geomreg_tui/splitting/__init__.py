"""The deep tail: V(eps) far below what plain sampling sees, by multilevel splitting (sequential Monte Carlo).

Its modules are imported one by one: those that a worker needs load torch, and the command line starts
without any.
"""
