"""Messages: nothing in them can steer a terminal, and every error crosses a process boundary whole."""

import json
import pickle
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomreg_tui import errors
from geomreg_tui.errors import ExperimentError, GeomregError, Problem, plain_text
from geomreg_tui.runner.protocol import error_line, raise_error


@given(st.text(alphabet=st.characters()))
def test_what_is_left_can_be_printed_and_steers_nothing(text):
    plain = plain_text(text)
    plain.encode()  # no lone surrogates, which cannot be printed
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in plain)
    assert plain_text(plain) == plain


@pytest.mark.parametrize("text", ["loss ≤ 0.1 · λ ± σ", "naïve 数据 \U0001f600", "a\nb", ""])
def test_what_people_write_stays(text):
    assert plain_text(text) == text


def test_a_file_name_that_is_not_unicode_can_be_told(tmp_path):
    name = b"caf\xe9.csv".decode(errors="surrogateescape")
    assert plain_text(name) == "caf.csv"


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name.endswith("Error")])
def test_errors_survive_pickling_and_the_protocol(name):
    kind = getattr(errors, name)
    if kind is ExperimentError:
        error = kind([Problem("width", "-1", "allowed is a number of at least 1", "depth")])
    else:
        error = kind("what was wrong; what to try")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    with pytest.raises(GeomregError) as caught:
        raise_error(json.loads(error_line(error)))
    assert type(caught.value) is kind
    assert str(caught.value) == str(error)
    assert caught.value.exit_code == error.exit_code
