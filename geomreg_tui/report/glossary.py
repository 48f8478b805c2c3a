"""The terms of a report, as its page explains them."""

from __future__ import annotations

__all__ = ["GLOSSARY"]

GLOSSARY = (
    ("network", "One draw of all weights from the init law. Only a trajectory is trained."),
    ("loss L", "Mean loss of a network over the training examples."),
    ("null loss L_0", "Loss of the function that is 0 everywhere; positions are also given as L / L_0."),
    ("constant loss L_c", "Loss of the best constant prediction."),
    (
        "atom",
        "Networks whose loss is the null loss to within rounding, dead or not. A spike of no width, so not "
        "drawn as a bar; it belongs to the central mode's mass.",
    ),
    (
        "dead",
        "A network of which some hidden layer passes nothing on: every unit's output is 0 on every training "
        "example. Without biases its loss is the null loss.",
    ),
    (
        "unresolved",
        "Losses so small that the number format cannot tell them: outputs near the targets are further "
        "apart.",
    ),
    (
        "density p(L)",
        "Share of networks per unit of loss. A density in log L is another one, with other modes.",
    ),
    ("mode", "A maximum of the density that stands out of counting noise."),
    (
        "dominance D_0",
        "(Z - C) / (Z + C), with Z the losses up to a quarter of L_0 and C those within an eighth of L_0: -1 "
        "is central only, +1 zero only. It needs no bins and no modes, and moves without leaps.",
    ),
    (
        "log10 ratio Λ",
        "log10(Z / C): the same on a scale that goes on where sampling sees nothing near 0. Z is then "
        "V(L_0/4) of the deep tail, or only bounded.",
    ),
    (
        "excess dominance D_E",
        "(E_zero - E_central) / (E_zero + E_central), with E the mass of a side above the density at the "
        "valley between the zero and the central mode, the atom included.",
    ),
    ("zero mode", "A mode at loss 0; its mass is the share of networks in its basin, up to the next valley."),
    ("central mode", "The heaviest mode that is not at 0."),
    (
        "basin dominance D",
        "(zero mass - central mass) / (zero mass + central mass). It describes one picture: it leaps where a "
        "mode stops being significant.",
    ),
    ("dip test", "Hartigan's: a small p says that the distribution is not unimodal."),
    (
        "contracting",
        "Whether density never falls on the way from 0 up to the central mode, but for counting noise.",
    ),
    ("V(ε)", "Volume fraction: the share of networks, under the init law, with loss at most ε."),
    (
        "deep tail",
        "V(ε) below what plain sampling sees: populations of networks go down level by level, and each level "
        "multiplies V by a share that is measured (multilevel splitting).",
    ),
    ("local exponent λ", "d log V / d log ε."),
    (
        "cosine of two gradients",
        "Of the losses of two examples, by all weights and biases. A pair with a gradient of 0 has none. The "
        "smallest of all pairs is the gradient confusion; it depends on how many pairs there are.",
    ),
    ("NTK", "The empirical neural tangent kernel: inner products of the gradients of outputs on examples."),
    ("sharpness", "The largest eigenvalue of the Gauss-Newton matrix of the loss."),
    ("step of a walk", "θ' = ρθ + √(1-ρ²)ξ with ξ a new draw, which leaves the init law as it is."),
    (
        "trajectory",
        "A network that is trained from its init on. It is fitted when its training loss comes to the loss "
        "that was asked for, and dead at the start where no output changes with anything that is trained.",
    ),
    ("distance", "The norm of what training has changed: ‖θ - θ_0‖."),
    ("change of the NTK", "‖Θ - Θ_0‖ / ‖Θ_0‖, by what is trained: 0 where outputs are linear in it."),
    ("[a, b]", "A 95 % interval. A band that is joint holds for all its bars at once."),
)
