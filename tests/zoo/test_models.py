"""Every model that ships: it loads, has a card, and does what one point of its card says."""

import pytest

from tapehead import tasks, zoo
from tapehead.train import evaluate

POINTS = {
    "ntm-copy": ({"length": 50}, 0.01),
    "ntm-associative-recall": ({"items": 12}, 0.3),  # 0.075 in the mean, from few sequences now and then more
}
"""Sizes beyond the training range, and the bits per sequence that 50 sequences stay under."""


def test_every_model_has_a_point():
    assert set(zoo.names()) == set(POINTS)


@pytest.mark.parametrize("name", zoo.names())
def test_card(name):
    sizes, most_bits = POINTS[name]
    task = tasks.from_dict(zoo.info(name)["task"])
    (point,) = evaluate(zoo.load(name), task, [sizes], sequences=50, seed=1)
    assert point.bits_per_sequence < most_bits
    assert point.wrong_bits == 0
    assert (zoo.find(name) / "card.md").is_file()
