import collections

import numpy as np
import torch

from tapehead.tasks import Kinship, Sampler
from tapehead.tasks.kinship.channels import BLANK, FIELDS, values_of
from tapehead.tasks.kinship.records import (
    ANSWER,
    FRAME,
    OPS,
    RETURN,
    TELL,
    Back,
    Fact,
    Find,
    Frame,
    read_record,
)
from tapehead.tasks.kinship.trace import come_back, descend
from tapehead.train import lessons as _lessons

SMALL = Kinship(min_facts=8, max_facts=30, steps=30)


def test_answers_follow_from_what_was_fed() -> None:
    """An interpreter that sees what the machine sees, and remembers what is written, says the same."""
    batch = Sampler(24, 0).draw(SMALL)
    writes = SMALL.writes(batch)[..., 0]
    seen: collections.Counter[str] = collections.Counter()
    for b, length in enumerate(batch.lengths.tolist()):
        facts: dict[tuple[bool, int, int], Fact] = {}
        frames: dict[int, Frame] = {}
        rows = zip(*(values_of(part[:length, b]).tolist() for part in (batch.inputs, batch.targets)))
        for t, (fed, wanted) in enumerate((read_record(x), y) for x, y in rows):
            assert bool(writes[t, b]) == isinstance(fed, Fact | Frame)
            assert bool(batch.mask[t, b]) != isinstance(fed, Fact)
            if isinstance(fed, Fact):
                facts[True, fed.person, fed.of_person] = facts[False, fed.family, fed.in_family] = fed
                continue
            said = read_record(wanted)
            seen[f"{OPS[fed.op]} {OPS[said.op]}"] += 1
            if isinstance(fed, Frame):
                assert fed.number not in frames
                frames[fed.number] = fed
                assert said == descend(fed)
            elif isinstance(fed, Find):
                fact = facts[fed.by_person, fed.name, fed.slot]
                assert said == Frame(fact, int(fed.by_person), fed.plan, fed.back)
            else:
                assert said == come_back(frames[fed.number])
    often = {"FRAME FINDP", "FRAME FINDF", "FRAME RETURN", "FRAME ANSWER", "FINDP FRAME", "FINDF FRAME"}
    assert set(seen) >= often | {"RETURN FINDF", "RETURN RETURN", "RETURN END", "ANSWER RETURN"}


def test_targets_hold_nothing_that_the_asker_gives() -> None:
    batch = Sampler(6, 1).draw(SMALL)
    values = values_of(batch.targets[batch.mask])
    asked = [FIELDS.index(name) for name in ("sex_wanted", "frame_home")]
    assert (values[:, asked] == BLANK).all()
    frames = values[values[:, -1] == FRAME]
    assert len(frames)
    assert (frames[:, FIELDS.index("frame_number0")] == BLANK).all()


def test_names_are_new_in_every_episode() -> None:
    rng = np.random.default_rng(0)
    names = [{fact.person for fact in SMALL.told(rng).facts} for _ in range(30)]
    assert len(set.union(*names)) > 0.9 * sum(map(len, names)) * 0.7
    assert max(map(max, names)) > 9 * 10**4


def test_lessons_keep_their_limits() -> None:
    for task in _lessons.kinship().lessons:
        assert isinstance(task, Kinship)
        rng = np.random.default_rng(1)
        for _ in range(4):
            told, steps = task.episode(rng)
            assert 2 <= len(told.facts) <= task.max_facts
            assert task.steps <= len(steps) < task.steps + 60


def test_what_is_rare_is_practised() -> None:
    """Late children, later families, every flag both ways."""
    rng = np.random.default_rng(0)
    facts = [fact for _ in range(40) for fact in Kinship(min_facts=40, max_facts=40).told(rng).facts]
    assert {fact.in_family for fact in facts} == set(range(26))
    assert {0, 1, 2, 3} <= {fact.of_person for fact in facts}
    assert {fact.sex for fact in facts} == {0, 1, 2}
    for place in range(7):
        assert {fact.flags[place] for fact in facts} == {0, 1}


def test_an_episode_in_words() -> None:
    batch = Sampler(3, 0).draw(SMALL)
    text = SMALL.describe(batch, SMALL.oracle(batch), index=2)
    lines = text.splitlines()
    steps = int(batch.lengths[2])
    assert lines[0] == f"kinship: {steps} steps; 0 fields wrong, 0.00 bits to code"
    told = int((values_of(batch.inputs[:steps, 2])[:, -1] == TELL).sum())
    fed, wanted, said = ([x for x in lines if x.startswith(w)] for w in ("fed ", "  wanted ", "  said "))
    assert len(fed) == len(wanted) == len(said) == steps - told
    assert [line[9:] for line in wanted] == [line[9:] for line in said]
    assert text.count(";") == told - 1 + 1
    assert max(map(len, lines)) <= 100
    wrong = SMALL.describe(batch, -SMALL.oracle(batch), index=2)
    assert "0 fields wrong" not in wrong.splitlines()[0]


def test_the_objective_is_the_mean_step() -> None:
    batch = Sampler(5, 3).draw(SMALL)
    outputs = torch.randn(batch.targets.shape, generator=torch.Generator().manual_seed(0))
    steps = batch.mask.sum(0)
    torch.testing.assert_close(SMALL.objective(outputs, batch) * steps, SMALL.loss(outputs, batch))
    assert len(set(steps.tolist())) > 1


def test_returns_are_to_frames_of_the_episode() -> None:
    batch = Sampler(4, 5).draw(SMALL)
    fed = [read_record(row) for row in values_of(batch.inputs[batch.mask]).tolist()]
    backs = [record for record in fed if isinstance(record, Back)]
    assert {record.op for record in backs} == {RETURN, ANSWER}
    assert 0.1 < len(backs) / len(fed) < 0.4
