"""Gradients and walks of drawn networks: confusion, NTK, gradient norm, sharpness, correlation along a walk.

Nothing is imported here: the plan, the pieces of work and results are read by processes without torch.
"""
