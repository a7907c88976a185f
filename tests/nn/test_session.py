"""Sessions: the bits of calls from state to state, and a state that nobody else can change."""

import copy
import gc
from typing import Any

import pytest
import torch
from torch import Tensor

from tapehead import DNC, NTM, engine
from tapehead.engine import Choice, EngineError
from tapehead.nn import Machine
from tapehead.types import map_state
from tests.engine.agreement import poisoned
from tests.nn.machines import INPUT, MACHINES, Case, cases, inputs, random_state, tensors

CHUNKS = [1, 2, 1, 5]
ONE_OF_EACH = ("ntm", "sparse-ntm", "dnc", "deep-lstm", "ntm-own-controller", "sparse-dnc")
EACH = pytest.mark.parametrize("case", cases(), ids=str)


def calls(machine: Machine[Any], x: Tensor, state: Any) -> tuple[Tensor, Any]:
    """Call after call, each from the state of the last."""
    found = []
    with torch.no_grad():
        for part in x.split(CHUNKS):
            y, state = machine(part, state)
            found.append(y)
    return torch.cat(found), state


def assert_bits(found: Any, expected: Any) -> None:
    pairs = list(zip(tensors(found), tensors(expected), strict=True))
    assert pairs
    for one, other in pairs:
        assert torch.equal(one, other)


def is_resident(session: Any) -> bool:
    return session._resident is not None


@EACH
@pytest.mark.parametrize("given", [False, True], ids=["from the start", "from a state"])
def test_a_session_gives_the_bits_of_calls(case: Case, given: bool) -> None:
    machine, x = case.build(), inputs(sum(CHUNKS), 3)
    state = random_state(machine, 3) if given else None
    before = copy.deepcopy(state)
    expected, last = calls(machine, x, state)
    with poisoned(), machine.session(state, batch_size=3) as session:
        assert is_resident(session) == (case.backend == "native")
        found = torch.cat([session(part) for part in x.split(CHUNKS)])
        assert torch.equal(found, expected)
        assert_bits(session.state, last)
        again = session.state
        assert_bits(session.end(), last)
    assert_bits(again, last)
    if given:
        assert_bits(state, before)


@pytest.mark.parametrize("case", cases(lambda case: case.name in ONE_OF_EACH), ids=str)
def test_nobody_changes_a_session(case: Case) -> None:
    """The state that it began with and the copies that it gave are overwritten while it runs."""
    machine, x = case.build(), inputs(sum(CHUNKS), 2)
    state = random_state(machine, 2)
    expected, last = calls(machine, x, copy.deepcopy(state))
    session = machine.session(state)

    def spoil(given: Any) -> None:
        map_state(lambda tensor: tensor.fill_(0.3), given)

    spoil(state)
    parts = []
    for part in x.split(1):
        parts.append(session(part))
        given = session.state
        kept = copy.deepcopy(given)
        session_again = machine.session(given)
        session_again(part)
        assert_bits(given, kept)  # a session that starts from it leaves it as it is
        spoil(given)
    assert torch.equal(torch.cat(parts), expected)
    assert_bits(session.state, last)


def test_a_state_that_was_handed_over_is_the_callers() -> None:
    machine, x = Case("sparse-ntm", "native").build(), inputs(4, 2)
    session = machine.session(batch_size=2)
    session(x)
    memory = next(iter(session._resident._own.values())).data_ptr()  # type: ignore[union-attr]
    state = session.end()
    assert state.memory.data_ptr() == memory
    kept = copy.deepcopy(state)
    del session
    gc.collect()
    machine.session(state)(x)
    machine.session(batch_size=2)(x)
    assert_bits(state, kept)


@pytest.mark.parametrize(
    "case", cases(lambda case: case.name in ("ntm", "sparse-ntm", "dnc", "sparse-dnc")), ids=str
)
def test_weights_are_those_at_each_call(case: Case) -> None:
    machine, x = case.build(), inputs(4, 2)
    session = machine.session(batch_size=2)
    session(x[:2])
    state = session.state
    with torch.no_grad():
        for parameter in machine.parameters():
            parameter.mul_(0.5)
        expected, _ = machine(x[2:], state)
    assert torch.equal(session(x[2:]), expected)


def test_weights_of_another_dtype_are_refused() -> None:
    machine = Case("ntm", "native").build()
    session = machine.session()
    machine.float()
    with pytest.raises(EngineError, match=r"a weight takes .* begin another"):
        session(inputs(1, 1))


@pytest.mark.parametrize("case", cases(lambda case: case.name == "ntm"), ids=str)
def test_an_ended_session_says_so(case: Case) -> None:
    machine, x = case.build(), inputs(2, 1)
    with machine.session() as session:
        session(x)
    for use in (lambda: session(x), session.end, lambda: session.state):
        with pytest.raises(ValueError, match=r"this session has ended: open another with machine\.session"):
            use()


@pytest.mark.parametrize("case", cases(lambda case: case.name == "ntm"), ids=str)
def test_what_does_not_fit_is_refused(case: Case) -> None:
    machine: Any = case.build()
    state = random_state(machine, 2)
    with pytest.raises(ValueError, match="batch_size is 3, but the state is of 2 sequences"):
        machine.session(state, batch_size=3)
    with pytest.raises(ValueError, match="memory_size=9 does not fit the given state"):
        machine.session(state, memory_size=9)
    with pytest.raises(ValueError, match=r"state\.memory has shape"):
        machine.session(state._replace(memory=state.memory[..., :2]))
    for wrong in (0, -1):
        with pytest.raises(ValueError, match=f"batch_size is {wrong}: give a whole number"):
            machine.session(batch_size=wrong)
    with pytest.raises(ValueError, match="state has a int where a tensor is needed"):
        machine.session((3,))
    with pytest.raises(ValueError, match="goes on from the NTMState"):
        machine.session((torch.zeros(2, 3),))
    session = machine.session(state)
    with pytest.raises(ValueError, match="x has 1 sequences, but this session has 2"):
        session(inputs(1, 1))
    with pytest.raises(ValueError, match="features in its last axis"):
        session(torch.zeros(1, 2, INPUT + 1, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"x is torch\.float32"):
        session(inputs(1, 2, torch.float32))
    with pytest.raises(ValueError, match="no time steps"):
        session(torch.zeros(0, 2, INPUT, dtype=torch.float64))
    with pytest.raises(ValueError, match="decode one at a time"):
        session.decode(torch.zeros(INPUT, dtype=torch.float64), Choice((0, 2), {}), 3)


@pytest.mark.parametrize(
    "case", cases(lambda case: case.name in ("ntm", "sparse-ntm", "sparse-dnc")), ids=str
)
def test_batch_first_and_another_memory_size(case: Case) -> None:
    machine, x = case.build(batch_first=True), inputs(5, 2).transpose(0, 1)
    with torch.no_grad():
        expected, last = machine(x, memory_size=11)
    session = machine.session(batch_size=2, memory_size=11)
    assert torch.equal(session(x), expected)
    assert_bits(session.state, last)


@pytest.mark.parametrize(
    "name", ["ntm", "ntm-feedforward", "sparse-ntm", "dnc", "sparse-dnc", "deep-lstm-zero-start"]
)
@pytest.mark.parametrize("backend", ["reference", "native"])
def test_decoding_goes_on_from_the_session(name: str, backend: str) -> None:
    torch.manual_seed(0)
    machine: Any = MACHINES[name](backend=backend).double()
    choice = Choice((0, 2), {0: [(1, 1)]})
    x, first = inputs(3, 1), torch.randn(INPUT, dtype=torch.float64)
    with torch.no_grad():
        _, state = machine(x)
        machine.output_from_controller.weight.mul_(4)
    expected = engine.decode(machine, first, state, choice, 9)
    session = machine.session(state)
    for found, wanted in zip(session.decode(first, choice, 9), expected[:2], strict=True):
        assert torch.equal(found, wanted)
    assert_bits(session.state, expected.state)
    with torch.no_grad():
        y, _ = machine(x, expected.state)
    assert torch.equal(session(x), y)


def test_a_hooked_machine_runs_call_by_call() -> None:
    machine, seen = Case("ntm", "auto").build(), []
    machine.register_forward_pre_hook(lambda *_: seen.append(1))
    with machine.session() as session:
        assert not is_resident(session)
        session(inputs(2, 1))
    assert seen == [1]


@pytest.mark.parametrize("kind", [NTM, DNC])
def test_a_large_memory_stays_where_it_is(kind: Any) -> None:
    """Of 65,536 slots few are ever touched, and nobody else gets the memory before the end."""
    sizes = {"memory_size": 1 << 16, "word_size": 32, "num_reads": 1}
    machine = kind(INPUT, 8, access="sparse", backend="native", **sizes)
    with machine.session() as session:
        session(torch.randn(2, 1, INPUT))
        memory = session._resident._own["state.memory"]  # type: ignore[union-attr]
        where = memory.data_ptr()
        for x in torch.randn(5, 1, 1, INPUT):
            session(x)
        assert memory.data_ptr() == where
        assert memory.count_nonzero() <= 7 * 32
        assert session.end().memory.data_ptr() == where
