"""The options that describe an experiment, derived from :class:`Experiment` so that they cannot differ.

Each key of an experiment is one option of the same name. Values are passed on as text: the experiment
itself says what is wrong with them, all of it at once.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from geomreg_tui.cli.completion import completed_by
from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment, choices
from geomreg_tui.options import SAMPLES, OptionText

if TYPE_CHECKING:
    from geomreg_tui.rundir import Labels

__all__ = [
    "NameOption",
    "NoteOption",
    "OutOption",
    "QuietOption",
    "SamplesOption",
    "TagOption",
    "described",
    "experiment_options",
    "given_labels",
    "refuse",
]

_EVERYDAY = ("data", "examples", "width", "depth", "activation", "init", "loss", "seed")
_PANELS = {
    "Architecture": (
        "arch",
        "width",
        "depth",
        "activation",
        "bias",
        "bias_scale",
        "residual",
        "layer_norm",
        "channels",
        "kernel",
        "pooling",
        "module",
    ),
    "Init": ("init", "gain", "dof", "sparsity"),
    "Data and loss": (
        "data",
        "target",
        "features",
        "classes",
        "layout",
        "inputs",
        "outputs",
        "examples",
        "held_out",
        "data_seed",
        "label_noise",
        "standardize",
        "loss",
    ),
    "Sampling": ("sampler", "dtype", "backend", "seed", "chunk_size", "batch_size", "bin_bits"),
}

SpecArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[SPEC.toml]", help="experiment file; options take precedence over it"),
]


def described(text: OptionText) -> Any:
    """Return an option of a command from what is said of it."""
    completed = completed_by(text.names) if text.names else None
    return typer.Option(text.option, help=text.help, metavar=text.metavar, autocompletion=completed)


SamplesOption = Annotated[str, described(SAMPLES)]
OutOption = Annotated[Path | None, typer.Option("--out", help="directory for the results")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="no narration on stderr")]
_CALLED = "What it is called"
NameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        help="a name, by which it is found as by that of its directory",
        metavar="TEXT",
        rich_help_panel=_CALLED,
    ),
]
TagOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        help="a tag, or several with commas; may be given again",
        metavar="TEXT",
        rich_help_panel=_CALLED,
    ),
]
NoteOption = Annotated[
    str | None, typer.Option("--note", help="a note", metavar="TEXT", rich_help_panel=_CALLED)
]


def experiment_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command whose first parameter is an experiment the options that describe one.

    The command is called with the experiment in place of those options. A TOML file comes first as an
    argument, and its keys are overruled by options.
    """
    inner = inspect.signature(command, eval_str=True)
    own = list(inner.parameters.values())[1:]
    keys = [key for panel in _PANELS.values() for key in panel]

    @functools.wraps(command)
    def outer(**given: Any) -> Any:
        values = {key: given.pop(key) for key in keys}
        spec = given.pop("spec")
        values = {key: value for key, value in values.items() if value is not None}
        experiment = Experiment.from_toml(spec, values) if spec else Experiment.parse(values)
        if experiment.module is not None and "module" not in values:
            named = f"{experiment.module!r}, which only {spec} names"
            rule = f"code is imported only if the command line names it: --module {experiment.module}"
            raise ExperimentError([Problem("module", named, rule)])
        return command(experiment, **given)

    parameters = [
        inspect.Parameter("spec", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=SpecArgument),
        *_parameters(),
        *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own),
    ]
    outer.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    outer.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del outer.__wrapped__
    return outer


def _parameters() -> Iterator[inspect.Parameter]:
    others = [(panel, key) for panel, keys in _PANELS.items() for key in keys if key not in _EVERYDAY]
    for panel, key in [*((None, key) for key in _EVERYDAY), *others]:
        field = Experiment.model_fields[key]
        option = "--" + key.replace("_", "-")
        default = field.get_default()
        help_text = (
            f"{field.description} [default: {_spelled(default)}]"
            if default is not None
            else field.description
        )
        annotation: Any
        if field.annotation is bool:
            info = typer.Option(
                f"{option}/--no-{option[2:]}", help=help_text, rich_help_panel=panel, show_default=False
            )
            annotation = Annotated[bool | None, info]
        else:
            names = choices(key)
            info = typer.Option(
                option,
                help=f"{help_text}; one of {', '.join(names)}" if names else help_text,
                metavar="NAME" if names else _metavar(field.annotation),
                autocompletion=completed_by(names) if names else None,
                rich_help_panel=panel,
                show_default=False,
            )
            annotation = Annotated[str | None, info]
        yield inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _metavar(annotation: Any) -> str:
    kinds = {kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)}
    if str in kinds:
        return "TEXT"
    return "X" if float in kinds else "N"


def refuse(given: bool, option: str, rule: str) -> None:
    """Refuse an option where it does not belong.

    Raises:
        ExperimentError: if it is given.
    """
    if given:
        raise ExperimentError([Problem(option, f"--{option}", f"allowed {rule}")])


def given_labels(
    name: str | None, tag: list[str] | None, note: str | None, *, resumed: bool = False
) -> Labels | None:
    """Return what a run is to be called, as the options say; None where none of them is given.

    Args:
        name, tag, note: the options.
        resumed: whether the run is there already.

    Raises:
        ExperimentError: with one problem for each that is no good.
    """
    given = {"name": name, "tag": tag, "note": note}
    for option, value in given.items():
        refuse(resumed and bool(value), option, "only when a run begins; 'geomreg-tui runs edit' changes it")
    if not any(given.values()):
        return None
    from geomreg_tui.rundir import parse_labels

    return parse_labels(name, tag or (), note)
