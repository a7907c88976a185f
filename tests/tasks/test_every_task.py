"""What every registered task promises."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from tapehead import tasks
from tapehead.tasks import Sampler, kinship

# The registry as it is when tests are collected: what other tests register is not theirs to judge.
NAMES = tasks.names()


@dataclasses.dataclass(frozen=True)
class Case:
    """What the tests of one task need to know about it."""

    channels: tuple[int, int]
    """(inputs, outputs), as in the paper"""
    ranges: dict[str, Any]
    """fields that give episodes of several lengths, all of them short"""
    elsewhere: dict[str, int]
    """a value for every size, none of them in the default ranges"""
    steady: dict[str, Any] | None = dataclasses.field(default_factory=dict)
    """further fields that make all episodes of one size equally long; None: nothing does"""
    choices: tuple[tuple[int, int], ...] = ()
    """(first channel, channels) of each softmax in an answer; every other output channel is a bit"""
    tells: int | None = None
    """the first so many input channels tell something, the others mark phases; None: all"""
    feeds_back: bool = False
    """the steps before are shown while an answer is due"""
    predicts_inputs: bool = False
    """the answers are probabilities, of what is shown"""
    one_of_several: bool = False
    """there may be other right answers than the targets"""
    drawn: bool = True
    """``describe`` draws the channels; else it tells them in words"""


DIGITS = tuple((10 * digit, 10) for digit in range(9))
GRAPH: dict[str, Any] = {"channels": (92, 90), "choices": DIGITS, "tells": 90, "drawn": False}
SMALL_GRAPHS = {"min_nodes": 4, "max_nodes": 7, "min_degree": 1, "max_degree": 2}

HOME = (int(kinship.channels.STARTS[kinship.channels.PLACE["frame_home"]]), 1)
"""Only the asker sets it: no answer has it."""

CASES = {
    "associative-recall": Case((8, 6), {"min_items": 2, "max_items": 5}, {"items": 9}),
    "babi": Case(
        (159, 159),
        {"data": str(Path(__file__).parent / "babi" / "data")},
        {"steps": 22},
        steady=None,
        choices=((0, 159),),
        feeds_back=True,
        drawn=False,
    ),
    "copy": Case((10, 9), {"min_length": 1, "max_length": 6}, {"length": 33}),
    "inference": Case(
        ranges=SMALL_GRAPHS | {"min_path": 1, "max_path": 3, "queries": 2, "planning_steps": 3},
        elsewhere={"nodes": 26, "degree": 5, "path": 1},
        **GRAPH,
    ),
    "kinship": Case(
        (827, 827),
        {"min_facts": 5, "max_facts": 12, "steps": 10},
        {"facts": 70},
        steady=None,
        choices=(*kinship.channels.CHOICES, HOME),
        feeds_back=True,
        drawn=False,
    ),
    "ngrams": Case((1, 1), {"min_length": 1, "max_length": 40}, {"length": 37}, predicts_inputs=True),
    "priority-sort": Case((10, 8), {"min_items": 3, "max_items": 7, "kept": 2}, {"items": 24, "kept": 7}),
    "reallocation": Case(
        (8, 6),
        {"min_sequences": 1, "max_sequences": 3, "min_length": 1, "max_length": 4},
        {"sequences": 3, "length": 4},
    ),
    "repeat-copy": Case(
        (8, 7),
        {"min_length": 1, "max_length": 3, "min_repeats": 1, "max_repeats": 4},
        {"length": 12, "repeats": 13},
    ),
    "search": Case(
        (316, 316),
        SMALL_GRAPHS,
        {"nodes": 40, "degree": 7},
        steady=None,
        choices=(*tuple((10 * digit, 10) for digit in range(30)), (300, 16)),
        feeds_back=True,
        drawn=False,
    ),
    "shortest-path": Case(
        ranges=SMALL_GRAPHS | {"min_path": 1, "max_path": 2, "planning_steps": 3},
        elsewhere={"nodes": 30, "degree": 7, "path": 1},
        # With no steps but the planner's nobody has to find the way back.
        steady={"mixture": 1.0},
        feeds_back=True,
        one_of_several=True,
        **GRAPH,
    ),
    "traversal": Case(
        ranges=SMALL_GRAPHS | {"min_path": 1, "max_path": 4},
        elsewhere={"nodes": 45, "degree": 7, "path": 21},
        **GRAPH,
    ),
}


@pytest.fixture(params=NAMES)
def task(request):
    return tasks.get(request.param, **CASES[request.param].ranges)


@pytest.fixture
def case(task):
    return CASES[task.name]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


class Part(NamedTuple):
    """A part of the answer of one step: a bit, or one of several values."""

    channels: slice
    told: torch.Tensor
    """[T, B]: the step counts, and the target says something about this part"""


def parts(case, batch):
    """The parts of the answers; every output channel is in one of them."""
    chosen = {channel for start, size in case.choices for channel in range(start, start + size)}
    bits = [channel for channel in range(batch.targets.shape[2]) if channel not in chosen]
    assert len(chosen) == sum(size for _, size in case.choices)
    yield from (Part(slice(bit, bit + 1), batch.mask) for bit in bits)
    for start, size in case.choices:
        channels = slice(start, start + size)
        ones = batch.targets[:, :, channels].sum(2)
        assert set(ones.unique().tolist()) <= {0.0, 1.0}
        yield Part(channels, batch.mask & (ones > 0))


def nats_and_wrong(case, answer, batch):
    """The loss [B] and the number of wrong parts [B], written out."""
    nats, wrong = torch.zeros(answer.shape[1], dtype=answer.dtype), torch.zeros(answer.shape[1]).long()
    for channels, told in parts(case, batch):
        logits, target = answer[:, :, channels], batch.targets[:, :, channels]
        if logits.shape[2] == 1:
            right = torch.where(target > 0.5, logits.sigmoid(), 1 - logits.sigmoid())[:, :, 0]
            is_wrong = (logits > 0)[:, :, 0] != (target > 0.5)[:, :, 0]
        else:
            right = (logits.softmax(2) * target).sum(2)
            is_wrong = logits.argmax(2) != target.argmax(2)
        nats -= torch.where(told, right.log(), 0).sum(0)
        wrong += (told & is_wrong).sum(0)
    return nats, wrong


def test_names_are_sorted_and_complete():
    assert list(NAMES) == sorted(CASES)


@pytest.mark.parametrize("name", NAMES)
def test_channels_of_the_papers(name):
    task = tasks.get(name)
    assert (task.input_size, task.output_size) == CASES[name].channels
    assert len(task.channels.inputs) == task.input_size
    assert len(task.channels.outputs) == task.output_size


def test_shapes_and_types(task):
    inputs, targets, mask, lengths = Sampler(7, 0).draw(task)
    steps = int(lengths.max())
    assert inputs.shape == (steps, 7, task.input_size)
    assert targets.shape == (steps, 7, task.output_size)
    assert mask.shape == (steps, 7)
    assert (inputs.dtype, targets.dtype) == (torch.float32, torch.float32)
    assert (mask.dtype, lengths.dtype) == (torch.bool, torch.int64)
    assert bool(((targets == 0) | (targets == 1)).all())


def test_one_sequence(task):
    batch = Sampler(1, 0).draw(task)
    assert batch.inputs.shape[:2] == (int(batch.lengths), 1)


def test_same_seed_same_episodes(task):
    one, two = Sampler(5, 3), Sampler(5, 3)
    for _ in range(3):
        assert same(one.draw(task), two.draw(task))


def test_global_random_state_plays_no_part(task):
    before = torch.random.get_rng_state()
    one = Sampler(5, 3).draw(task)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(11)
    assert same(one, Sampler(5, 3).draw(task))


@pytest.mark.parametrize("other", [(4, 0), (3, 1), (-3, 0)])
def test_other_seed_or_rank_other_episodes(task, other):
    assert not same(Sampler(32, 3).draw(task), Sampler(32, *other).draw(task))


def test_batches_of_a_stream_differ(task):
    sampler = Sampler(32, 0)
    assert not same(sampler.draw(task), sampler.draw(task))


def test_padding_is_zero_and_masked(task):
    inputs, targets, mask, lengths = Sampler(40, 1).draw(task)
    padded = torch.arange(len(mask)).unsqueeze(1) >= lengths
    assert bool(padded.any()), "the ranges of this test should give episodes of several lengths"
    assert not bool(mask[padded].any())
    assert not bool(inputs[padded].any())
    assert not bool(targets[padded].any())


def test_mask_reaches_the_end_and_targets_hide_behind_it(task):
    _, targets, mask, lengths = Sampler(40, 1).draw(task)
    assert bool(mask[lengths - 1, torch.arange(40)].all())
    assert not bool(targets[~mask].any())


def test_nothing_is_shown_while_an_answer_is_due(task, case):
    if case.predicts_inputs:
        pytest.skip("it predicts its own input")
    if case.feeds_back:
        pytest.skip("it is shown its own steps; the tests of the task say which")
    inputs, _, mask, _ = Sampler(40, 1).draw(task)
    # One channel of the graph tasks asks for an answer.
    shown = inputs[:, :, : case.tells]
    assert not bool(shown[mask].any())


def test_oracle_has_no_loss(task, case):
    batch = Sampler(40, 1).draw(task)
    answer = task.oracle(batch)
    assert answer.shape == batch.targets.shape
    assert not bool(answer[~batch.mask].any())
    if case.predicts_inputs:
        pytest.skip("its answers are probabilities; test_ngrams.py has the estimator")
    assert torch.equal(task.loss(answer, batch), torch.zeros(40))
    assert torch.equal(task.num_errors(answer, batch), torch.zeros(40, dtype=torch.int64))


def test_knowing_nothing_costs_one_bit_a_bit(task, case):
    batch = Sampler(40, 1).draw(task)
    answer = torch.zeros_like(batch.targets)
    due = torch.zeros(40)
    for channels, told in parts(case, batch):
        values = channels.stop - channels.start
        due += told.sum(0) * (1 if values == 1 else math.log2(values))
    assert bool((due > 0).all())
    torch.testing.assert_close(task.bits(answer, batch), due)
    torch.testing.assert_close(task.loss(answer, batch), due * math.log(2))
    if not case.choices:
        assert torch.equal(task.num_errors(answer, batch), batch.targets.sum((0, 2)).long())


def test_loss_is_the_sum_written_out(task, case):
    batch = Sampler(6, 1).draw(task)
    answer = torch.randn(batch.targets.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    nats, wrong = nats_and_wrong(case, answer, batch)
    loss = task.loss(answer, batch)
    assert loss.dtype == torch.float64
    assert loss.tolist() == pytest.approx(nats.tolist())
    if not case.one_of_several:
        assert task.num_errors(answer, batch).tolist() == wrong.tolist()


def test_steps_that_do_not_count_have_no_influence(task, case):
    batch = Sampler(6, 1).draw(task)
    answer = torch.randn(batch.targets.shape, generator=torch.Generator().manual_seed(0))
    other = answer.clone()
    other[~batch.mask] = 123.0
    other.requires_grad_()
    loss = task.loss(other, batch)
    assert torch.equal(loss, task.loss(answer, batch))
    assert torch.equal(task.num_errors(other, batch), task.num_errors(answer, batch))
    loss.sum().backward()
    assert not bool(other.grad[~batch.mask].any())
    for channels, told in parts(case, batch):
        assert bool((other.grad[:, :, channels][told] != 0).all())
        assert not bool(other.grad[:, :, channels][~told].any())


def test_half_precision_answers_are_scored_in_float32(task):
    batch = Sampler(6, 1).draw(task)
    assert task.loss(torch.zeros_like(batch.targets).bfloat16(), batch).dtype == torch.float32


def test_with_sizes_fixes_all_sizes(task, case):
    sizes = case.elsewhere
    assert set(sizes) == set(task.sizes)
    fixed = task.with_sizes(**sizes)
    assert type(fixed) is type(task)
    if case.steady is not None:
        lengths = Sampler(20, 0).draw(dataclasses.replace(fixed, **case.steady)).lengths
        assert len(set(lengths.tolist())) == 1
    assert (fixed.input_size, fixed.output_size) == (task.input_size, task.output_size)
    fields = dataclasses.asdict(fixed)
    for size, value in sizes.items():
        assert fields.get(size, value) == value
        assert fields.get(f"min_{size}", value) == fields.get(f"max_{size}", value) == value


def test_with_sizes_leaves_other_sizes_alone(task, case):
    if len(task.sizes) == 1:
        pytest.skip("it has one size")
    first, second, *_ = task.sizes
    fixed = dataclasses.asdict(task.with_sizes(**{first: case.elsewhere[first]}))
    kept = {field: value for field, value in dataclasses.asdict(task).items() if field.endswith(second)}
    assert kept
    assert {field: fixed[field] for field in kept} == kept


def test_with_sizes_without_sizes_is_the_task(task):
    assert task.with_sizes() == task


@pytest.mark.parametrize("bad", [0, -4])
def test_with_sizes_names_the_bad_value(task, bad):
    for size in task.sizes:
        with pytest.raises(ValueError, match=rf"{size} must be a whole number of at least 1, got {bad}\."):
            task.with_sizes(**{size: bad})


def test_with_sizes_names_an_unknown_size(task):
    with pytest.raises(ValueError, match=rf"{task.name} has no size 'breadth'.*{task.sizes[0]}"):
        task.with_sizes(breadth=3)


def test_every_field_is_checked(task):
    for field in dataclasses.fields(task):
        if field.type in (bool, str):
            continue
        wrong = (-1,) if field.type == tuple[int, ...] else field.type(-1)
        with pytest.raises(ValueError, match=r"-1"):
            dataclasses.replace(task, **{field.name: wrong})


def test_every_size_is_bounded(task):
    """So that a config cannot ask for all of the memory."""
    for field in dataclasses.fields(task):
        if field.type is int:
            with pytest.raises(ValueError, match="must be at most 1,000,000, got 10,000,000,000,000,000,000"):
                dataclasses.replace(task, **{field.name: 10**19})


def test_ranges_must_not_be_empty(task):
    for field in dataclasses.fields(task):
        if field.name.startswith("min_"):
            high = getattr(task, "max_" + field.name.removeprefix("min_"))
            with pytest.raises(ValueError, match=rf"{field.name} must not exceed .*{high + 1} > {high}"):
                dataclasses.replace(task, **{field.name: high + 1})


def test_saved_and_read_again(task):
    saved = json.loads(json.dumps(task.to_dict()))
    assert saved["name"] == task.name
    assert tasks.from_dict(saved) == task
    assert hash(tasks.from_dict(saved)) == hash(task)


def test_a_task_cannot_be_changed(task):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(task, dataclasses.fields(task)[0].name, 3)


def test_batch_size_must_be_positive(task):
    with pytest.raises(ValueError, match=r"batch_size .* got 0\."):
        task.sample(0, torch.Generator())


def test_description_begins_with_the_task(task):
    batch = Sampler(6, 1).draw(task)
    for index in range(6):
        first, *rest = task.describe(batch, task.oracle(batch), index).splitlines()
        assert first.startswith(f"{task.name}: {batch.lengths[index]} steps")
        assert rest


def test_description_draws_every_channel(task, case):
    if not case.drawn:
        pytest.skip("it is in words; the tests of the task have them")
    batch = Sampler(6, 1).draw(task)
    for index in range(6):
        lines = task.describe(batch, task.oracle(batch), index).splitlines()
        assert len(lines) == 1 + task.input_size + 2 * task.output_size
        strips = [line.split("|")[1] for line in lines[1:]]
        assert {len(strip) for strip in strips} == {int(batch.lengths[index])}
        targets = strips[task.input_size : task.input_size + task.output_size]
        for channel, strip in enumerate(targets):
            drawn = [{"#": 1.0, ".": 0.0, " ": None}[mark] for mark in strip]
            steps = range(len(drawn))
            counts = batch.mask[:, index].tolist()
            assert [t for t in steps if drawn[t] is not None] == [t for t in steps if counts[t]]
            assert all(drawn[t] in (None, float(batch.targets[t, index, channel])) for t in range(len(drawn)))
        if not case.predicts_inputs:
            assert strips[task.input_size + task.output_size :] == targets


def test_description_marks_what_is_wrong(task, case):
    if not case.drawn:
        pytest.skip("it is in words; the tests of the task have them")
    batch = Sampler(2, 1).draw(task)
    answer = -torch.where(batch.targets > 0.5, 1.0, -1.0)
    text = task.describe(batch, answer)
    wrong = int(batch.mask[:, 0].sum()) * task.output_size
    assert f"{wrong} of {wrong} bits wrong" in text
    strips = "".join(line.split("|")[1] for line in text.splitlines()[-task.output_size :])
    assert strips.count("X") + strips.count("o") == wrong
    assert strips.count("o") == int(batch.targets[:, 0].sum())


def test_description_of_a_sequence_that_is_not_there(task):
    with pytest.raises(ValueError, match=r"0\.\.1 .* got 2\."):
        task.describe(Sampler(2, 1).draw(task), index=2)
