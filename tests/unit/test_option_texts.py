"""What is said of options agrees with what the plans do without them, and with what they refuse."""

from __future__ import annotations

import pytest

from geomreg_tui.errors import ExperimentError
from geomreg_tui.splitting.option_texts import TAIL_TEXTS
from geomreg_tui.splitting.plan import parse_plan as parse_tail
from geomreg_tui.training.option_texts import TRAINING_TEXTS
from geomreg_tui.training.plan import parse_plan as parse_training

TEXTS = [(parse_tail, TAIL_TEXTS[name]) for name in TAIL_TEXTS]
TEXTS += [(parse_training, TRAINING_TEXTS[name]) for name in TRAINING_TEXTS]
WORDS = ("none", "all; with sgd: 32", "in all of weight space")  # defaults that are no values


@pytest.mark.parametrize(("parse", "text"), TEXTS, ids=lambda each: getattr(each, "name", ""))
def test_the_default_that_is_told_is_the_one_without_the_option(parse, text):
    if text.default and text.default not in WORDS:
        assert parse(**{text.name.replace("-", "_"): text.default.replace(",", "")}) == parse()


@pytest.mark.parametrize(("parse", "text"), TEXTS, ids=lambda each: getattr(each, "name", ""))
def test_every_option_is_known_by_its_name_and_has_a_value_that_is_refused(parse, text):
    with pytest.raises(ExperimentError) as caught:
        parse(**{text.name.replace("-", "_"): "?"})
    assert [problem.key for problem in caught.value.problems] == [text.name]


@pytest.mark.parametrize(("parse", "text"), TEXTS, ids=lambda each: getattr(each, "name", ""))
def test_every_name_that_is_offered_is_taken(parse, text):
    for name in text.names:
        parse(**{text.name.replace("-", "_"): name})
