"""The experiment: *what* is sampled, and nothing about how much, where, or who looks.

Two runs with equal experiments (and the same torch version and device kind) have equal bits. So
everything that could change a bit is a key here, chunk size and number format included; the number of
samples, the number of workers and the device are not. An experiment as a person writes it may leave
``sampler = "auto"`` and the sizes unset; a run stores the resolved one, in which they are fixed
(see ``geomreg_tui.sampling.resolve``).
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from geomreg_tui.encoding import decode_utf8
from geomreg_tui.errors import ExperimentError, Problem, one_line, shortened
from geomreg_tui.formatting import exact_text
from geomreg_tui.validation import validation_problems

__all__ = ["Experiment", "choices", "parse_count", "read_number"]

Architecture = Literal["mlp", "conv", "custom"]
Activation = Literal["relu", "leaky_relu", "tanh", "sigmoid", "erf", "gelu", "silu", "sin", "linear", "abs"]
Pooling = Literal["none", "avg", "max"]
InitName = Literal[
    "normal",
    "uniform",
    "he_normal",
    "he_uniform",
    "he_truncated",
    "glorot_normal",
    "glorot_uniform",
    "glorot_truncated",
    "lecun_normal",
    "lecun_uniform",
    "lecun_truncated",
    "torch_default",
    "orthogonal",
    "sparse",
    "laplace",
    "student_t",
    "binary",
    "sphere",
    "ball",
]
LossName = Literal["mse", "mae", "huber", "cross_entropy", "bce", "hinge", "zero_one"]
Layout = Literal["auto", "channels_first", "channels_last"]
SamplerName = Literal["auto", "direct", "projected", "radial"]
DtypeName = Literal["float32", "float64"]
BackendName = Literal["auto", "torch", "fused"]

# Keys that version 0.1.0 did not have, with what it did. They are left out of what is stored where they have
# these values, so that an experiment keeps the digest that it was stored with.
_BEFORE = {"backend": "torch", "classes": None, "features": None, "label_noise": 0.0, "layout": "auto"}

_MINUS = "\N{MINUS SIGN}"  # what typeset numbers are copied with

Scale = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Size = Annotated[int, Field(ge=1, le=10**9)]
Seed = Annotated[int, Field(ge=0, lt=2**64)]


class Experiment(BaseModel):
    """What is sampled: an architecture, an init law, examples and a loss.

    Build one with :meth:`parse` (which reports every problem at once) rather than the constructor.

    Example:
        >>> experiment = geomreg.Experiment.parse({"data": "digits", "examples": 16, "width": "64"})
        >>> experiment.replace(depth=2).widths
        (64, 64)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    arch: Architecture = Field("mlp", description="network family")
    width: Size | tuple[Size, ...] = Field(
        256, description="units in each hidden layer: one number, or one per layer"
    )
    depth: Annotated[int, Field(ge=0, le=10_000)] = Field(
        3, description="hidden layers; 0 is the linear model"
    )
    activation: Activation = Field("relu", description="nonlinearity after each hidden layer")
    bias: bool = Field(False, description="draw biases as well as weights")
    bias_scale: Scale = Field(
        1.0,
        description="scale s of the biases: N(0, s^2) with normal, orthogonal and sparse laws, U[-s, s] with "
        "uniform ones, U[-s, s]/sqrt(fan_in) with torch_default, otherwise the weights' own law times s",
    )
    residual: bool = Field(False, description="add each hidden layer's input to its output where sizes agree")
    layer_norm: bool = Field(False, description="normalise pre-activations over units, for each example")
    channels: Size = Field(16, description="channels of each convolution (arch conv)")
    kernel: Annotated[int, Field(ge=1, le=99)] = Field(
        3, description="side of the convolution kernel, odd (arch conv)"
    )
    pooling: Pooling = Field(
        "avg", description="2x2 pooling after each convolution while it fits (arch conv)"
    )
    module: str | None = Field(None, description="package.mod:factory of your own nn.Module (arch custom)")

    init: InitName = Field("he_normal", description="law that the weights are drawn from")
    gain: Scale = Field(1.0, description="factor on the weights of any law")
    dof: Positive = Field(3.0, description="degrees of freedom of student_t")
    sparsity: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1, description="share of zeros in each column (init sparse)"
    )

    data: str = Field(
        "digits", description="a built-in or synthetic set, or the path of a file", min_length=1
    )
    data_sha256: str | None = Field(
        None, description="digest of the data file, filled in when a run starts", pattern="^[0-9a-f]{64}$"
    )
    target: str | None = Field(
        None,
        description="target column of a CSV or Parquet file, target array of an NPZ file, or the y file of "
        "an NPY pair",
    )
    features: str | None = Field(
        None,
        description="input columns of a CSV or Parquet file, separated by commas, or the input array of an "
        "NPZ file; default: all columns but the target and an index, or x",
        min_length=1,
    )
    classes: str | None = Field(
        None,
        description="names of the classes to keep, separated by commas, such as 3,8; default: all",
        min_length=1,
    )
    layout: Layout = Field(
        "auto",
        description="where images in an array of four axes have their channels; auto: last where the last "
        "axis has 1, 3 or 4",
    )
    inputs: Size | None = Field(None, description="input size of a synthetic set")
    outputs: Size | None = Field(None, description="output size; default: what data and loss imply")
    examples: Size = Field(16, description="training examples N that the loss is averaged over")
    held_out: Annotated[int, Field(ge=0, le=10**9)] = Field(
        0, description="held-out examples M, evaluated jointly"
    )
    data_seed: Seed = Field(0, description="seed for picking and generating examples")
    label_noise: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="share of the training labels that are drawn anew, uniformly among the classes"
    )
    standardize: bool = Field(True, description="scale each input (and real target) to mean 0, variance 1")
    loss: LossName = Field("mse", description="per-example loss, mean over examples and outputs")

    sampler: SamplerName = Field("auto", description="how networks are drawn; auto is the cheapest exact way")
    dtype: DtypeName = Field("float32", description="number format of weights and activations")
    backend: BackendName = Field(
        "auto",
        description="what draws plain samples: torch, or the fused kernel (mlp, float32, CPU), which is "
        "several times as fast and has bits of its own; auto: the kernel where it can",
    )
    seed: Seed = Field(0, description="seed of the weights")
    chunk_size: Annotated[int, Field(ge=1, le=2**26)] | None = Field(None, description="networks in a chunk")
    batch_size: Annotated[int, Field(ge=1, le=2**26)] | None = Field(
        None, description="networks evaluated together"
    )
    bin_bits: Annotated[int, Field(ge=4, le=20)] = Field(
        12, description="histogram resolution: bins have relative width 2^-bits"
    )

    @field_validator("width", mode="before")
    @classmethod
    def _split_width(cls, value: object) -> object:
        if isinstance(value, str):
            parts = [part.strip() for part in value.split(",")]
            return parts[0] if len(parts) == 1 else tuple(parts)
        return value

    @field_validator("kernel")
    @classmethod
    def _odd_kernel(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("allowed is an odd number, so that the image keeps its size")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        if isinstance(self.width, tuple) and self.depth != len(self.width):
            if "depth" in self.model_fields_set:
                got = f"{len(self.width)} widths for depth {self.depth}"
                raise ValueError(f"width: got {got}; allowed is one width per hidden layer")
            object.__setattr__(self, "depth", len(self.width))
        if self.arch == "custom" and self.module is None:
            raise ValueError("module: got nothing; arch custom needs --module package.mod:factory")
        if self.arch != "custom" and self.module is not None:
            raise ValueError(
                f"module: got {self.module!r} with arch {self.arch}; allowed only with arch custom"
            )
        if self.module is not None and not _is_module_path(self.module):
            raise ValueError(f"module: got {self.module!r}; allowed is package.mod:factory")
        return self

    @property
    def widths(self) -> tuple[int, ...]:
        """Units in each hidden layer, first to last."""
        return self.width if isinstance(self.width, tuple) else (self.width,) * self.depth

    def describe(self, input_size: int | None = None, output_size: int | None = None) -> str:
        """Return the experiment in one line: architecture, init law, data, loss and seed.

        Args:
            input_size: numbers in one input, once known.
            output_size: outputs of the network, once known.
        """
        sizes = [str(input_size)] if input_size is not None else []
        if self.arch == "conv":
            sizes += [f"{self.channels}ch×{self.depth}"] if self.depth else []
        elif isinstance(self.width, tuple):
            sizes += [str(width) for width in self.width]
        elif self.depth:
            sizes += [f"{self.width}×{self.depth}"]
        sizes += [str(output_size)] if output_size is not None else []
        body = f"custom {self.module}" if self.arch == "custom" else f"{self.arch} {'→'.join(sizes)}"
        parts = [body.strip() + (" +bias" if self.bias else "")]
        if self.arch != "custom":
            parts.append(self.activation if self.depth else "linear model")
        parts.append(self.init if self.gain == 1 else f"{self.init} gain {exact_text(self.gain)}")
        kept = f" {self.classes}" if self.classes else ""
        parts.append(f"{self.data.rpartition('/')[2] or self.data}{kept} N={self.examples}")
        if self.label_noise:
            parts.append(f"label noise {exact_text(self.label_noise)}")
        if self.held_out:
            parts.append(f"held out {self.held_out}")
        parts += [self.loss, f"seed {self.seed}"]
        return one_line(" · ".join(parts))

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Experiment:
        """Build an experiment from keys and values (numbers may be strings).

        Raises:
            ExperimentError: with one problem for every key that is unknown or has an impossible value.
        """
        if not isinstance(values, Mapping):
            raise ExperimentError(
                [Problem("experiment", shortened(repr(values)), "allowed is a table of keys")]
            )
        values = {str(key): _with_plain_minus(value) for key, value in values.items()}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            names = {key: choices(key) for key in cls.model_fields}
            raise ExperimentError(validation_problems(error, names)) from None

    @classmethod
    def from_toml(cls, path: Path, overrides: Mapping[str, Any] | None = None) -> Experiment:
        """Read an experiment from a TOML file, with ``overrides`` taking precedence.

        Raises:
            ExperimentError: if the file cannot be read, is not TOML, or holds wrong keys or values.
        """
        try:
            values = tomllib.loads(decode_utf8(path.read_bytes()))
        except OSError as error:
            raise ExperimentError(
                [Problem(str(path), error.strerror or str(error), "allowed is a readable TOML file")]
            ) from None
        except (ValueError, RecursionError) as error:
            raise ExperimentError(
                [Problem(str(path), f"text that is not TOML ({error})", "allowed is TOML")]
            ) from None
        return cls.parse({**values, **(overrides or {})})

    @classmethod
    def schema_document(cls) -> dict[str, Any]:
        """Return a JSON Schema (2020-12) of an experiment file; rules between keys are not in it."""
        schema = cls.model_json_schema()
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        schema["description"] = "What is sampled: an architecture, an init law, examples and a loss."
        return schema

    def to_toml(self) -> str:
        """Return TOML that :meth:`from_toml` reads back to an equal experiment; defaults are left out."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(mode="json", exclude_defaults=True))

    def to_json(self) -> dict[str, Any]:
        """Return plain data: every key, but not those new since 0.1.0 where they say what it did."""
        unused = {key for key, value in _BEFORE.items() if getattr(self, key) == value}
        return self.model_dump(mode="json", exclude=unused)

    def to_stored(self) -> dict[str, Any]:
        """Return plain data of what was asked for: the keys that were set, and ``backend``."""
        return {**self.model_dump(mode="json", exclude_unset=True), "backend": self.backend}

    @classmethod
    def from_stored(cls, values: Mapping[str, Any]) -> Experiment:
        """Restore what :meth:`to_json` or :meth:`to_stored` returned, of this version or one before it.

        Raises:
            ExperimentError: as :meth:`parse`.
        """
        stored = {"backend": _BEFORE["backend"], **values}
        if stored["backend"] == cls.model_fields["backend"].default:
            del stored["backend"]
        return cls.parse(stored)

    def canonical_json(self) -> str:
        """Return :meth:`to_json` as text, keys sorted, without spaces: equal iff experiments are."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    def digest(self) -> str:
        """Return the SHA-256 of :meth:`canonical_json`, in hexadecimal."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()

    def replace(self, **changes: Any) -> Experiment:
        """Return this experiment with some keys changed, validated anew.

        Raises:
            ExperimentError: as :meth:`parse`.
        """
        return self.parse({**self.model_dump(exclude_unset=True), **changes})


def choices(key: str) -> tuple[str, ...]:
    """Return the names that ``key`` accepts, or () when it is not a choice among names."""
    annotation = Experiment.model_fields[key].annotation
    return tuple(get_args(annotation)) if get_origin(annotation) is Literal else ()


def read_number(text: str) -> float:
    """Return the number that a person wrote; the minus sign of typesetting (U+2212) is a minus too.

    Raises:
        ValueError: if it is not a number.
    """
    return float(text.replace(_MINUS, "-"))


def _with_plain_minus(value: Any) -> Any:
    """Return a number in a string with the minus sign that numbers are read with; all else as it is."""
    if isinstance(value, str) and _MINUS in value:
        plain = value.replace(_MINUS, "-")
        try:
            float(plain)
        except ValueError:
            return value
        return plain
    return value


def parse_count(text: str, key: str = "samples") -> int:
    """Parse a positive whole number: ``1000000``, ``1e6``, ``1_000_000``, ``10k``, ``5M`` or ``1G``.

    Raises:
        ExperimentError: if it is not a positive whole number up to 1e15.
    """
    suffixes = {"k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}
    body = text.replace(_MINUS, "-").strip()
    factor = suffixes.get(body[-1:].lower(), 1)
    digits = body[:-1] if factor > 1 else body
    try:
        value = int(digits) * factor if digits.replace("_", "").isdigit() else float(digits) * factor
        if value != int(value) or not 1 <= value <= 10**15:
            raise ValueError
    except (ValueError, OverflowError):
        raise ExperimentError(
            [Problem(key, repr(text), "allowed is a whole number from 1 to 1e15, such as 1e6 or 10M")]
        ) from None
    return int(value)


def _is_module_path(text: str) -> bool:
    package, colon, factory = text.partition(":")
    return bool(colon) and all(part.isidentifier() for part in package.split(".")) and factory.isidentifier()
