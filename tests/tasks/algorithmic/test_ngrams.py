"""The n-grams: the source and its optimal estimator."""

import math

import numpy as np
import pytest
import torch

from tapehead.tasks import NGrams, Sampler


def estimate(bits, context):
    """NTM eq. 10 as plain loops: P(B = 1) for every bit of one sequence."""
    ones, zeros, probabilities = {}, {}, []
    for t in range(len(bits)):
        if t < context:
            probabilities.append(0.5)
            continue
        c = tuple(bits[t - context : t])
        n1, n0 = ones.get(c, 0), zeros.get(c, 0)
        probabilities.append((n1 + 0.5) / (n1 + n0 + 1))
        counts = ones if bits[t] == 1 else zeros
        counts[c] = counts.get(c, 0) + 1
    return np.array(probabilities)


@pytest.mark.parametrize(
    "task",
    [
        NGrams(),
        NGrams(context=1),
        NGrams(min_length=1, max_length=60, context=3),
        NGrams().with_sizes(length=5),
    ],
)
def test_the_oracle_is_equation_10(task):
    batch = Sampler(12, 0).draw(task)
    answer = task.oracle(batch)
    coded = task.bits(answer, batch)
    for b, steps in enumerate(batch.lengths.tolist()):
        bits = batch.targets[:steps, b, 0].int().tolist()
        probabilities = estimate(bits, task.context)
        np.testing.assert_allclose(answer[:steps, b, 0].double().sigmoid().numpy(), probabilities, rtol=1e-5)
        right = np.where(np.array(bits) == 1, probabilities, 1 - probabilities)
        assert float(coded[b]) == pytest.approx(-np.log2(right).sum(), rel=1e-5)


def test_input_is_the_bit_before():
    batch = Sampler(20, 0).draw(NGrams(min_length=1, max_length=50))
    assert not bool(batch.inputs[0].any())
    for b, steps in enumerate(batch.lengths.tolist()):
        assert torch.equal(batch.inputs[1:steps, b], batch.targets[: steps - 1, b])
    assert torch.equal(batch.mask.sum(0), batch.lengths)


def test_the_optimum_is_the_papers():
    task = NGrams()
    batch = Sampler(1000, 0).draw(task)
    bits = task.bits(task.oracle(batch), batch)
    # One sequence varies by 36 bits, so a mean of 1000 by 1.2; the papers' curve ends at about 133.
    assert float(bits.mean()) == pytest.approx(133.7, abs=3.6)


def test_the_oracle_beats_every_constant():
    task = NGrams()
    batch = Sampler(200, 1).draw(task)
    best = task.bits(task.oracle(batch), batch).mean()
    for logit in np.linspace(-3, 3, 13):
        assert best < task.bits(torch.full_like(batch.targets, float(logit)), batch).mean() - 20


def test_the_first_bits_cost_one_bit_each():
    task = NGrams().with_sizes(length=5)
    batch = Sampler(50, 0).draw(task)
    assert torch.equal(task.oracle(batch), torch.zeros(5, 50, 1))
    torch.testing.assert_close(task.bits(task.oracle(batch), batch), torch.full((50,), 5.0))


def test_the_first_bits_are_fair_coins():
    first = Sampler(4000, 0).draw(NGrams().with_sizes(length=5)).targets[..., 0]
    assert float((first.mean(1) - 0.5).abs().max()) < 0.04
    assert float((first.corrcoef() - torch.eye(5)).abs().max()) < 0.08


def test_the_source_follows_a_beta_table():
    """With one bit of context, long sequences show their tables: moments of Beta(½, ½) are ½ and ⅛."""
    bits = Sampler(600, 0).draw(NGrams(context=1).with_sizes(length=1500)).targets[..., 0]
    before, after = bits[:-1], bits[1:]
    tables = []
    for pattern in (0, 1):
        visits = (before == pattern).sum(0)
        estimate_of_one = ((before == pattern) * after).sum(0) / visits.clamp(min=1)
        # A seldom visited pattern says little about its probability; what remains is lightly selected
        # toward patterns that keep themselves, so mean and variance are measured over both together.
        tables.append(torch.where(visits >= 1, estimate_of_one, torch.nan))
    table = torch.cat([tables[0], 1 - tables[1]])
    table = table[~table.isnan()]
    assert float(table.mean()) == pytest.approx(0.5, abs=0.06)
    assert float(table.var()) == pytest.approx(0.125, abs=0.02)


def test_each_sequence_has_a_table_of_its_own():
    """Half of a sequence tells about its other half, nothing about its neighbour's."""
    bits = Sampler(400, 0).draw(NGrams(context=1).with_sizes(length=400)).targets[..., 0]
    first, second = bits[:200].mean(0), bits[200:].mean(0)
    assert float(torch.stack([first, second]).corrcoef()[0, 1]) > 0.8
    assert abs(float(torch.stack([first, second.roll(1)]).corrcoef()[0, 1])) < 0.2


def test_order_matters_up_to_the_context():
    """An estimator that knows one bit of context fewer needs more bits, one that knows more too."""
    batch = Sampler(300, 0).draw(NGrams(context=3).with_sizes(length=300))
    cost = {
        c: float(NGrams(context=c).bits(NGrams(context=c).oracle(batch), batch).mean()) for c in (2, 3, 4)
    }
    assert cost[3] < min(cost[2], cost[4]) - 3


def test_a_context_too_long():
    with pytest.raises(ValueError, match=r"context must be at most 10 .* got 11\."):
        NGrams(context=11)


def test_a_fair_source_costs_its_length():
    task = NGrams().with_sizes(length=40)
    batch = Sampler(3, 0).draw(task)
    nats = task.loss(torch.zeros_like(batch.targets), batch)
    assert nats.tolist() == pytest.approx([40 * math.log(2)] * 3)
