"""Losses of batches of networks: of each example, of constant predictions, and their derivatives."""

from __future__ import annotations

from geomreg_tui.losses.targets import LabelledExamples, TargetNumbers

__all__ = ["LabelledExamples", "TargetNumbers"]
