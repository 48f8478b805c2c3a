"""The experiment: parsing, problems, round trips."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment, choices, parse_count


def problems(values):
    with pytest.raises(ExperimentError) as caught:
        Experiment.parse(values)
    return {problem.key: problem for problem in caught.value.problems}


def test_every_problem_is_reported_at_once():
    found = problems({"widht": 3, "activation": "rleu", "gain": "loud", "examples": -1, "init": "he"})
    assert set(found) == {"widht", "activation", "gain", "examples", "init"}
    assert found["widht"].nearest == "width"
    assert found["activation"].nearest == "relu"
    assert "relu" in found["activation"].allowed
    assert "tanh" in found["activation"].allowed
    assert "'loud'" in found["gain"].got


@pytest.mark.parametrize(
    ("given_name", "key", "meant"),
    [
        ("kaiming_normal", "init", "he_normal"),
        ("xavier_uniform", "init", "glorot_uniform"),
        ("swish", "activation", "silu"),
        ("l1", "loss", "mae"),
    ],
)
def test_names_of_other_libraries_are_understood(given_name, key, meant):
    assert problems({key: given_name})[key].nearest == meant


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"width": "16,32", "depth": "3"}, "width"),
        ({"arch": "custom"}, "module"),
        ({"module": "a:b"}, "module"),
        ({"arch": "custom", "module": "not a path"}, "module"),
        ({"kernel": 4}, "kernel"),
        ({"gain": "nan"}, "gain"),
        ({"gain": "-1"}, "gain"),
        ({"width": "0"}, "width"),
        ({"width": "16,x"}, "width"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"data": ""}, "data"),
        ({"dof": 0}, "dof"),
        ({"sparsity": 1}, "sparsity"),
        ({"bin_bits": 3}, "bin_bits"),
    ],
)
def test_impossible_values_name_their_key(values, key):
    assert key in problems(values)


def test_a_width_for_each_layer_sets_the_depth():
    experiment = Experiment.parse({"width": "64, 32,16"})
    assert experiment.widths == (64, 32, 16)
    assert experiment.depth == 3
    assert Experiment.parse({"width": 8, "depth": 2}).widths == (8, 8)


def test_text_and_numbers_mean_the_same():
    text = Experiment.parse({"width": "64", "gain": "0.5", "bias": "true", "seed": "7"})
    numbers = Experiment.parse({"width": 64, "gain": 0.5, "bias": True, "seed": 7})
    assert text == numbers
    assert text.digest() == numbers.digest()


def test_it_is_frozen_and_hashable():
    experiment = Experiment.parse({})
    with pytest.raises(Exception, match="frozen"):
        experiment.width = 3
    assert len({experiment, Experiment.parse({})}) == 1


def test_digest_is_the_sha256_of_sorted_compact_json():
    experiment = Experiment.parse({"width": 32})
    values = json.loads(experiment.canonical_json())
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    assert experiment.digest() == hashlib.sha256(text.encode()).hexdigest()
    assert values["width"] == 32
    later = {"classes", "features", "label_noise", "layout"}
    assert set(values) == set(Experiment.model_fields) - later
    assert set(experiment.replace(backend="torch").to_json()) == set(values) - {"backend"}


def test_digests_of_the_first_version_stand():
    """As version 0.1.0 printed them: what it did not know of changes a digest only where it is used."""
    known = {
        "3b1b43215b23049df3c3ba2ab792c052f7be6e5e282ef913661cbd2967bd5ce0": {},
        "304ce8e9ad013ceef532fd6fcd6784383a125f2397f3857e680e397662af0e9d": {
            "data": "x.csv", "target": "y", "width": "3,4", "gain": 0.5,
        },
    }  # fmt: skip
    for digest, values in known.items():
        experiment = Experiment.from_stored(values)
        assert experiment.backend == "torch"
        assert experiment.digest() == digest
        assert experiment.replace(layout="auto").digest() == digest
        assert not {"features", "layout"} & set(experiment.to_json())
        others = {experiment.replace(**{key: value}).digest() for key, value in NEW_KEYS}
        assert len(others | {digest}) == 1 + len(NEW_KEYS)


NEW_KEYS = [("features", "a"), ("features", "a,b"), ("layout", "channels_first"), ("layout", "channels_last")]


experiments = st.fixed_dictionaries(
    {},
    optional={
        "width": st.one_of(
            st.integers(1, 10**6), st.lists(st.integers(1, 999), min_size=1, max_size=4).map(tuple)
        ),
        "activation": st.sampled_from(choices("activation")),
        "init": st.sampled_from(choices("init")),
        "gain": st.floats(0, 1e6, allow_nan=False),
        "bias": st.booleans(),
        "data": st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable()),
        "examples": st.integers(1, 10**6),
        "seed": st.integers(0, 2**64 - 1),
        "loss": st.sampled_from(choices("loss")),
        "chunk_size": st.integers(1, 10**6),
        "features": st.text(min_size=1, max_size=9).filter(lambda text: text.isprintable()),
        "layout": st.sampled_from(choices("layout")),
        "backend": st.sampled_from([name for name in choices("backend") if name != "auto"]),
    },
)


@given(experiments)
def test_toml_and_json_round_trip(tmp_path_factory, values):
    experiment = Experiment.parse(values)
    path = tmp_path_factory.mktemp("toml") / "spec.toml"
    path.write_text(experiment.to_toml(), encoding="utf-8")
    if experiment.seed < 2**63:  # TOML has 64-bit signed integers
        assert Experiment.from_toml(path) == experiment
    assert Experiment.from_stored(json.loads(experiment.canonical_json())).digest() == experiment.digest()
    assert Experiment.from_stored(experiment.to_json()) == experiment
    assert Experiment.from_stored(experiment.to_stored()) == experiment
    assert Experiment.from_stored(experiment.to_stored()).model_fields_set == experiment.model_fields_set


def test_overrides_take_precedence_over_the_file(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text('width = 8\ninit = "orthogonal"\n')
    experiment = Experiment.from_toml(path, {"width": "16"})
    assert (experiment.width, experiment.init) == (16, "orthogonal")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_bytes("width = 8 # breite für später\n".encode("utf-8-sig"))
    assert Experiment.from_toml(path).width == 8
    for encoding, said in (
        ("utf-16", "UTF-16, not UTF-8"),
        ("utf-32", "UTF-32, not UTF-8"),
        ("utf-16-le", "looks like UTF-16"),
        ("latin-1", "a byte in line 2 that is not UTF-8"),
    ):
        path.write_bytes("width = 8\n# für\n".encode(encoding))
        with pytest.raises(ExperimentError, match=said):
            Experiment.from_toml(path)


@pytest.mark.parametrize(
    "content", [b"width = ", b"\xff\xfe", b"[table]\nx=1", b"\xef\xbb\xbfwidth", b"x = " + b"[" * 10**5]
)
def test_bad_files_give_problems(tmp_path, content):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ExperimentError):
        Experiment.from_toml(path)
    with pytest.raises(ExperimentError, match="No such file"):
        Experiment.from_toml(tmp_path / "absent.toml")


def test_messages_cannot_steer_a_terminal():
    shown = str(problems({"activation": "re\x1b]0;x\x07lu\u202e"})["activation"])
    assert not any(char in shown for char in "\x1b\x07\u202e")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1", 1),
        ("1e6", 10**6),
        ("1_000", 1000),
        ("10k", 10**4),
        ("5M", 5 * 10**6),
        ("2.5k", 2500),
        ("1G", 10**9),
    ],
)
def test_counts_are_parsed(text, count):
    assert parse_count(text) == count


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "", "1e16", "inf", "nan", "k"])
def test_bad_counts_are_refused(text):
    with pytest.raises(ExperimentError, match="samples"):
        parse_count(text)
