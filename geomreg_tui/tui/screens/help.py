"""The help screens: every key and every term that the panes use; and what the field with the focus is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from geomreg_tui.tui.bindings import display
from geomreg_tui.tui.field_facts import FieldFacts
from geomreg_tui.tui.keys import Keys
from geomreg_tui.tui.widgets.entries import Entries, Entry
from geomreg_tui.tui.widgets.rows import Roles

__all__ = ["FieldHelpScreen", "HelpScreen"]

_FIELD_KEYS = (
    ("tab, shift+tab", "Next and previous control"),
    ("up, down", "In a number: turn it up or down (width and examples by factors of 2, samples by 10)"),
    ("left, right", "In a choice: next or previous one, without opening the list"),
    ("enter", "In a choice: open the list, where typing a name finds it"),
)
_EVERYWHERE = (
    ("palette", "Command palette: every action by name, and the themes"),
    ("redraw", "Draw the whole screen anew"),
    ("suspend", "Suspend to the shell; fg comes back"),
    ("quit_anywhere", "Quit, from anywhere"),
)
_TERMS = (
    ("network", "One draw of all weights from the init law. Nothing is trained."),
    (
        "preview",
        "About 100,000 networks, drawn whenever a knob is turned. The full run draws as many as you ask for.",
    ),
    ("loss L", "Mean loss of a network over the N training examples."),
    ("L0, null loss", "Loss of the function that is 0 everywhere; the unit of positions, L/L0."),
    ("Lc, constant loss", "Loss of the best constant prediction."),
    ("atom", "Networks with the null loss, to within rounding: no bar."),
    ("dead", "Some hidden layer gives 0 for every unit and example."),
    (
        "density",
        "Share of networks per unit of loss (log axis: per decade). Each axis has its own density and modes.",
    ),
    ("┊ above a bar", "How far the bar may reach: 95 % for all bars together."),
    (". in place of a bar", "There are networks, but fewer than half an eighth of a cell."),
    (
        "crosshair",
        "Reads the plots at one loss: the bar with its band, log10 V, slope λ; of every pin too. At the null "
        "loss at first. In the training pane it is at the step by which the median has come down to it.",
    ),
    (
        "held-out loss",
        "Loss on examples that nothing was chosen by, in bins of the training loss: mean with 95 %, and the "
        "middle 90 % of networks. Of the deep tail it is that of all networks up to a loss.",
    ),
    ("V(ε)", "Volume fraction: the share of networks, under the init law, with loss at most ε."),
    (
        "deep tail",
        "V(ε) below what sampling sees: populations of networks go down level by level, and each level "
        "multiplies V by a share that is measured. std is the standard error of log10 V.",
    ),
    ("slope λ", "d log V / d log ε, with its 95 % error, at the lowest losses where it can be measured."),
    ("mode", "A maximum of the density that stands out of counting noise, in standard deviations σ."),
    ("zero mode", "A mode at loss 0. Its mass is the share of networks in its basin, up to the next valley."),
    ("central mode", "The heaviest mode not at 0; the atom belongs to it."),
    ("dominance D0", "(Z - C) / (Z + C): Z networks up to L0/4, C within L0/8 of L0. -1 central, +1 zero."),
    ("log10 ratio", "log10(Z / C), its Z from the deep tail or bounded, where sampling sees too few."),
    ("excess DE", "The same of what stands above the valley between the modes."),
    ("basin D", "The same of the modes' masses; it leaps where a mode comes or goes."),
    ("dip p", "Hartigan's dip test: a small p says that the distribution is not unimodal."),
    ("contracting", "Whether density never falls on the way from 0 up to the central mode."),
    (
        "direction",
        "How D0 changes with a factor: monotone where every step is resolved and of one sign, mostly where "
        "only the interval of τ-b excludes 0, not monotone where resolved steps have both signs.",
    ),
    (
        "τ-b",
        "Kendall's rank correlation of a factor with D: 1 where D always rises with it, -1 where it falls.",
    ),
    ("KS distance", "Largest difference of two cumulative distributions, with the p-value of no difference."),
    ("theory", "The exact or infinite-width law of the loss, where one is known."),
    (
        "smallest cosine",
        "Gradient confusion: of the gradients of the losses of two examples, over pairs. Below 0, a step "
        "that helps one harms the other.",
    ),
    ("sharpness", "Largest eigenvalue of the Gauss-Newton matrix of the loss."),
    ("low L", "An observable's median among the networks of the lowest loss that the deep tail has come to."),
    (
        "V_n(r)",
        "Volume of the ball of radius r in n dimensions. P is the number of parameters of this network.",
    ),
    ("[a, b]", "95 % interval."),
    (
        "V at equal loss",
        "Of a sweep with deep tails: V(ε) at the smallest loss that all points have come to. Contracting "
        "where more of the factor leaves less of it; beside it, whether the ball of P dimensions contracts.",
    ),
)


class HelpScreen(ModalScreen[None]):
    """Keys and terms, scrolling; any of its keys closes it.

    Args:
        bindings: those to list, as they are in effect.
        keys: of every action.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter", "dismiss", "Close")]

    def __init__(self, bindings: Iterable[Binding], keys: Keys) -> None:
        super().__init__()
        self._bindings.bind(",".join((*keys["help"], *keys["help_in_text"], *keys["quit"])), "dismiss")
        listed = [(str(b.key_display), b.tooltip or b.description) for b in bindings]
        listed += _FIELD_KEYS
        listed += [(display(keys[name]), meaning) for name, meaning in _EVERYWHERE]
        self._entries = (Entry("Keys"), *_entries(listed), Entry(""), Entry("Terms"), *_entries(_TERMS))

    def compose(self) -> ComposeResult:
        """One list of all."""
        yield Roles()
        with Vertical(id="help", classes="dialog") as dialog:
            dialog.border_title = "Help"
            dialog.border_subtitle = "escape closes"
            yield Entries(self._entries, id="help-entries")

    def on_mount(self) -> None:
        """Let the arrow keys scroll at once."""
        self.query_one(Entries).focus()


class FieldHelpScreen(ModalScreen[bool]):
    """What one field is. Ends with whether the whole help is wanted next.

    Args:
        facts: what is known of it.
        keys: of every action.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter", "dismiss(False)", "Close")]

    def __init__(self, facts: FieldFacts, keys: Keys) -> None:
        super().__init__()
        self._title = facts.title
        self._whole = (*keys["help"], *keys["help_in_text"])
        self._bindings.bind(",".join(self._whole), "dismiss(True)")
        self._bindings.bind(",".join(keys["quit"]), "dismiss(False)")
        self._entries = (
            Entry(facts.meaning),
            Entry(""),
            *_entries([*facts.rows, ("option", facts.option)]),
        )

    def compose(self) -> ComposeResult:
        """One list."""
        yield Roles()
        with Vertical(id="field-help", classes="dialog") as dialog:
            dialog.border_title = self._title
            dialog.border_subtitle = f"{display(self._whole)}: all help, escape closes"
            yield Entries(self._entries, id="field-help-entries")

    def on_mount(self) -> None:
        """Let the arrow keys scroll at once."""
        self.query_one(Entries).focus()


def _entries(rows: Iterable[Sequence[str]]) -> list[Entry]:
    return [Entry(meaning, name) for name, meaning in rows]
