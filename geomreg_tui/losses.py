"""Losses of batches of networks, and the landmarks that the data put on the loss axis.

Every loss has the definition of ``torch.nn.functional``, averaged over the outputs. Those that come from
a softmax or a sigmoid are evaluated by way of margins instead, which keeps the relative precision of
losses near 0, where ``log_softmax`` has only absolute precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from geomreg_tui.datasets import Dataset
from geomreg_tui.errors import DataError, ExperimentError, Problem

__all__ = ["Objective"]
