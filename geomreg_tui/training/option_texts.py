"""What is said of the options of training: on the command line, and beside the fields of the explorer."""

from __future__ import annotations

from geomreg_tui.options import OptionText
from geomreg_tui.training.plan import ADAM_STEP, LR_SHARE, OPTIMIZERS, PARTS, SGD_BATCH, TrainingPlan

__all__ = ["TAIL_TOO", "TRAINING_TEXTS"]

_DEFAULT = TrainingPlan()

TRAINING_TEXTS = {
    text.name: text
    for text in (
        OptionText(
            "optimizer",
            f"one of {', '.join(OPTIMIZERS)}: gradient descent, heavy ball, minibatches, Adam",
            "NAME",
            "gd",
            names=OPTIMIZERS,
        ),
        OptionText(
            "lr",
            "step size; auto: --lr-share of the largest stable step of each network, "
            f"and {ADAM_STEP:g} for adam",
            "X",
            "auto",
        ),
        OptionText(
            "lr-share",
            "share of the largest stable step, 2 / lambda_max of the Gauss-Newton matrix",
            "X",
            f"{LR_SHARE}",
        ),
        OptionText("momentum", "coefficient of optimizer momentum", "X", f"{_DEFAULT.momentum}"),
        OptionText("batch", "examples a step, or all", "N", f"all; with sgd: {SGD_BATCH}", unit="examples"),
        OptionText("steps", "most steps of a trajectory", "N", f"{_DEFAULT.steps:,}", unit="steps"),
        OptionText(
            "to-loss",
            "training loss at which a network has fitted; 0 for none",
            "LOSS",
            f"{_DEFAULT.to_loss:g}",
            unit="that of the loss",
        ),
        OptionText("train", "all weights and biases, or those of the readout", "NAME", "all", names=PARTS),
        OptionText(
            "trajectories", "networks that are trained", "E", f"{_DEFAULT.trajectories}", unit="networks"
        ),
        OptionText("record", "recorded steps a decade", "N", f"{_DEFAULT.record}", unit="steps"),
        OptionText(
            "sketch",
            "numbers kept of the weights at each recorded step, such as 256, for the dimension of the "
            "updates",
            "K",
            "none",
            unit="numbers",
        ),
        OptionText(
            "subspace",
            "train in a random affine subspace of D dimensions, through the start of each network",
            "D",
            "in all of weight space",
            unit="dimensions",
        ),
    )
}
TAIL_TOO = OptionText(
    "tail", "go down the deep tail to --to-loss too, so that V of every loss on the way is known", ""
)
