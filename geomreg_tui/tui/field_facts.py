"""What a field is: from where the options of the command line are described, in the same words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.widget import Widget
from textual.widgets import Static

from geomreg_tui.errors import ExperimentError, plain_text
from geomreg_tui.experiment import Experiment, parse_count
from geomreg_tui.options import EXPORTED, SAMPLES, OptionText
from geomreg_tui.splitting.option_texts import TAIL_TEXTS
from geomreg_tui.splitting.plan import parse_plan as parse_tail
from geomreg_tui.training.option_texts import TAIL_TOO, TRAINING_TEXTS
from geomreg_tui.training.plan import parse_plan as parse_training
from geomreg_tui.tui.widgets.fields import ChoiceField, NumberField

__all__ = ["FieldFacts", "facts_of"]

# Of keys of an experiment, in what their values are counted. Others are names, or have no unit.
_UNITS = {
    "width": "units",
    "depth": "hidden layers",
    "channels": "channels",
    "gain": "none, a factor",
    "dof": "degrees of freedom",
    "sparsity": "none, a share from 0 to 1",
    "inputs": "numbers",
    "examples": "examples",
    "held_out": "examples",
    "label_noise": "none, a share from 0 to 1",
}
# Fields that are options of another name.
_KEYS = {"path": "data"}
_TAIL_FIELDS = {"volume": "to-log10-volume", "loss": "to-loss", "population": "population"}
# What is neither a number nor a name, and numbers that are lower and higher than anything is counted.
_NO_VALUE, _TOO_LOW, _TOO_HIGH = "?", f"-{10**30}", f"{10**30}"
_LARGEST_COUNT = "1e15"  # what is larger is refused before it is known of what it is the number


class FieldFacts(NamedTuple):
    """What is known of a field.

    Attributes:
        title: what it is called on the screen.
        option: as it is typed on the command line.
        meaning: what it is.
        rows: what else there is to say, with what each is.
    """

    title: str
    option: str
    meaning: str
    rows: tuple[tuple[str, str], ...]


def facts_of(field: Widget | None) -> FieldFacts | None:
    """Return what is known of a field by its id; None where nothing is, or it is no field."""
    kind, _, name = ((field.id if field is not None else None) or "").partition("-")
    if field is None or not name:
        return None
    names = field.names if isinstance(field, ChoiceField) else ()
    if kind == "field" and name == "samples":
        return _facts(SAMPLES, _refused(parse_count, "samples", _NO_VALUE), names, field)
    if kind == "field":
        return _facts(_text_of_key(_KEYS.get(name, name)), _rules_of_key(name), names, field)
    if kind == "tail" and name in _TAIL_FIELDS:
        option = _TAIL_FIELDS[name]
        return _facts(TAIL_TEXTS[option], _rules_of(parse_tail, option), names, field)
    if kind == "train" and name == "tail":
        return _facts(TAIL_TOO, (), names, field)
    if kind == "train" and (option := name.replace("_", "-")) in TRAINING_TEXTS:
        return _facts(TRAINING_TEXTS[option], _rules_of(parse_training, option), names, field)
    if kind == "export" and name in ("path", "formats"):
        return FieldFacts("file", "geomreg-tui export RUN FILE", EXPORTED.meaning, ())
    return None


def _facts(text: OptionText, rules: Sequence[str], names: Sequence[str], field: Widget) -> FieldFacts:
    """Return the facts of a field; names that it offers come before what is wrong with others."""
    rows = [("allowed", ", ".join(names or rules)), ("unit", text.unit), ("default", _default(text))]
    if isinstance(field, NumberField):
        rows.append(("keys", "up and down turn it"))
    elif names:
        rows.append(("keys", "left and right turn it, enter opens the list"))
    kept = tuple((name, plain_text(said)) for name, said in rows if said)
    return FieldFacts(_label_of(field) or text.name, text.option, text.meaning, kept)


def _label_of(field: Widget) -> str:
    """Return what stands beside a field."""
    beside = field.parent.children if field.parent is not None else ()
    return next((str(label.content) for label in beside if isinstance(label, Static)), "")


def _default(text: OptionText) -> str:
    return f"{text.default} {text.when}".strip()


def _text_of_key(key: str) -> OptionText:
    """Return what is said of a key of an experiment."""
    field = Experiment.model_fields[key]
    default = field.get_default()
    if isinstance(default, bool):
        default = "on" if default else "off"
    spelled = "" if default is None else str(default)
    return OptionText(key.replace("_", "-"), field.description or "", "", spelled, unit=_UNITS.get(key, ""))


def _rules_of_key(key: str) -> list[str]:
    """Return what values of a key of an experiment may be, as its own messages say."""
    rules = dict.fromkeys(
        rule
        for text in (_NO_VALUE, _TOO_LOW, _TOO_HIGH)
        for rule in _refused(lambda text: Experiment.parse({key: text}), key, text)
    )
    return [rule.removeprefix("a number ") if number else rule for number, rule in enumerate(rules)]


def _rules_of(parse: Callable[..., object], option: str) -> list[str]:
    """Return what values of an option of a plan may be, as its own messages say."""
    name = option.replace("-", "_")
    found = (
        _refused(lambda text: parse(**{name: text}), option, text)
        for text in (_LARGEST_COUNT, _TOO_LOW, _NO_VALUE)
    )
    return next((rules for rules in found if rules), [])


def _refused(read: Callable[[str], object], key: str, text: str) -> list[str]:
    """Return the rules by which a text is refused as the value of a key; none where it is allowed."""
    try:
        read(text)
    except ExperimentError as error:
        allowed = [problem.allowed for problem in error.problems if problem.key == key]
        return [rule.removeprefix("allowed is ").removeprefix("allowed are ") for rule in allowed]
    return []
