"""Ensembles of trained networks: what an optimiser finds from networks drawn at random.

Nothing is imported here: the plan, the pieces of work and results are read by processes without torch.
"""
