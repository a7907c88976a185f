"""Decoding in one call: to the bit what the machine gives when it is called once a step."""

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from tapehead import DNC, NTM, engine
from tapehead.engine import Choice, Decoded, EngineError, Field, decoding, dispatch
from tapehead.engine.native import decoding as native
from tapehead.nn import DeepLSTM
from tests.engine.agreement import Results, assert_close, assert_same_bits, poisoned, random_state
from tests.engine.mutations import INPUT, MUTATIONS
from tests.engine.mutations import MACHINES as MUTABLE
from tests.engine.test_mutations import _mutated
from tests.engine.test_native import CASES, _machine
from tests.nn.machines import tensors

CHANNELS = 26
LETTERS: list[Field] = [(0, 7), (7, 5), (12, 9)]
KINDS: Field = (21, 5)
SIZES: dict[str, Any] = {"output_size": CHANNELS, "word_size": 6}
MACHINES: dict[str, Callable[[], Any]] = {
    "ntm": lambda: NTM(CHANNELS, 13, **SIZES, memory_size=21, num_reads=2, num_writes=2),
    "ntm, as for search": lambda: NTM(
        CHANNELS,
        40,
        output_size=CHANNELS,
        memory_size=64,
        word_size=16,
        num_reads=2,
        controller="feedforward",
        write_gate=True,
        read_first=True,
    ),
    "dnc": lambda: DNC(CHANNELS, 13, **SIZES, memory_size=19, num_reads=3, num_layers=2, interface_norm=True),
    "dnc, no links": lambda: DNC(
        CHANNELS, 9, **SIZES, memory_size=16, num_reads=1, temporal_links=False, masked_lookup=True
    ),
    "sparse dnc": lambda: DNC(CHANNELS, 13, **SIZES, memory_size=30, num_reads=2, access="sparse", top_k=3),
    "deep lstm": lambda: DeepLSTM(CHANNELS, 11, output_size=CHANNELS, num_layers=2),
}
EACH = pytest.mark.parametrize("name", MACHINES)
DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])


def table(fields: Sequence[Field], rows: int, seed: int = 0) -> Tensor:
    """Rows with a one in each field, some of them equal."""
    generator = torch.Generator().manual_seed(seed)
    made = torch.zeros(rows, CHANNELS)
    for start, size in fields:
        made[torch.arange(rows), start + torch.randint(size, (rows,), generator=generator)] = 1
    return made


THREE, ONE = table(LETTERS, 30), table(LETTERS[2:], 4)
CHOICES: dict[str, Choice] = {
    "greedy": Choice(KINDS, {0: LETTERS, 1: LETTERS[1:], 2: LETTERS[:1]}),
    "constrained": Choice(KINDS, {0: [THREE], 1: [ONE], 2: [ONE, LETTERS[0]], 3: [THREE]}),
    "with an end": Choice(KINDS, {0: LETTERS, 2: [ONE]}, stop_kinds=(1, 3, 4)),
    "one kind": Choice((25, 1), {0: LETTERS}),
}


def results(decoded: Decoded) -> Results:
    found: Results = {"chosen": decoded.chosen, "outputs": decoded.outputs}
    return found | {f"state {i}": tensor for i, tensor in enumerate(tensors(decoded.state))}


def by_steps(machine: Any, first: Tensor, state: Any, choice: Choice, max_steps: int) -> Results:
    with torch.no_grad():
        return results(decoding.by_steps(machine, first, state, choice, max_steps))


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_warned", set())
    monkeypatch.delenv(engine.BACKEND_VARIABLE, raising=False)


@pytest.fixture
def loops(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which loop ran, in order."""
    seen: list[str] = []
    for name, module, function in (("one call", native, "decode"), ("steps", dispatch, "by_steps")):
        original = getattr(module, function)

        def spy(*arguments: Any, name: str = name, original: Any = original) -> Any:
            seen.append(name)
            return original(*arguments)

        monkeypatch.setattr(module, function, spy)
    return seen


# ---- the same bits


@DTYPES
@EACH
def test_one_call_gives_the_bits_of_a_call_a_step(name: str, dtype: torch.dtype, loops: list[str]) -> None:
    changes = 0
    for seed, (choice, steps) in enumerate(itertools.product(CHOICES.values(), (1, 2, 40))):
        torch.manual_seed(seed)
        machine = _machine(MACHINES[name], dtype, scale=5)
        machine.backend = "native"
        for state in (None, random_state(machine, 1, seed=seed)):
            first = torch.randn(CHANNELS, dtype=dtype)
            expected = by_steps(machine, first, state, choice, steps)
            with poisoned():
                found = engine.decode(machine, first, state, choice, steps)
            assert_same_bits(expected, results(found))
            changes += int((found.chosen[1:] != found.chosen[:-1]).any(1).sum())
    assert set(loops) == {"one call"}
    assert changes > 50, "a machine that says the same all the time says nothing"


@pytest.mark.parametrize("case", CASES)
def test_every_switch(case: str) -> None:
    rows = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0]])
    for dtype, size in ((torch.float32, None), (torch.float64, 11)):
        machine = _machine(CASES[case], dtype)
        machine.backend = "native"
        choice = Choice((2, 2), {0: [(0, 2)], 1: [rows]})
        if machine.output_size < 4:
            choice = Choice((0, 1), {})
        first = torch.randn(machine.input_size, dtype=dtype)
        state = random_state(machine, 1, size if machine.has_memory else None)
        with poisoned():
            found = engine.decode(machine, first, state, choice, 20)
        assert_same_bits(by_steps(machine, first, state, choice, 20), results(found))


@EACH
def test_the_reference_says_the_same(name: str, loops: list[str]) -> None:
    machine = _machine(MACHINES[name], torch.float64)
    first, state = torch.randn(CHANNELS, dtype=torch.float64), random_state(machine, 1)
    for choice in CHOICES.values():
        found = []
        for backend in ("reference", "native"):
            machine.backend = backend
            found.append(results(engine.decode(machine, first, state, choice, 9)))
        assert torch.equal(found[0]["chosen"], found[1]["chosen"])  # type: ignore[arg-type]
        assert_close(*found, 1e-9)
    assert loops == ["steps", "one call"] * len(CHOICES)


@EACH
def test_the_state_stays_and_nothing_has_a_gradient(name: str) -> None:
    machine = _machine(MACHINES[name], torch.float32)
    first, state = torch.randn(CHANNELS, requires_grad=True), random_state(machine, 1)
    before = [tensor.clone() for tensor in tensors(state)]
    for backend in ("native", "reference"):
        machine.backend = backend
        found = engine.decode(machine, first, state, CHOICES["constrained"], 30)
        assert all(torch.equal(a, b) for a, b in zip(before, tensors(state), strict=True))
        assert not any(tensor.requires_grad for tensor in results(found).values())  # type: ignore[union-attr]


def test_it_ends_with_a_kind_that_stops() -> None:
    lengths = set()
    for seed in range(20):
        torch.manual_seed(seed)
        machine = _machine(MACHINES["ntm"], torch.float32)
        found = engine.decode(machine, torch.randn(CHANNELS), None, CHOICES["with an end"], 25)
        kinds = found.chosen[:, KINDS[0] :].argmax(1).tolist()
        assert len(found.outputs) == len(kinds)
        stops = [kind in (1, 3, 4) for kind in kinds]
        assert not any(stops[:-1])
        assert stops[-1] or len(kinds) == 25
        lengths.add(len(kinds))
    assert len(lengths) > 2


# ---- what is chosen


def _constant(bias: Tensor) -> DeepLSTM:
    """A machine that says the same at every step."""
    machine = DeepLSTM(CHANNELS, 3, output_size=CHANNELS).to(bias.dtype)
    with torch.no_grad():
        machine.output_from_controller.weight.zero_()
        machine.output_from_controller.bias.copy_(bias)
    return machine


def _probable(bias: Tensor, rows: Tensor, fields: Sequence[Field]) -> int:
    """The row with the greatest product of probabilities, each of a softmax within its field."""
    log_probabilities = torch.cat([bias[start : start + size].log_softmax(0) for start, size in fields])
    return int((rows[:, fields[0][0] : sum(fields[-1])].to(bias.dtype) @ log_probabilities).argmax())


@DTYPES
def test_the_most_probable_is_chosen(dtype: torch.dtype) -> None:
    for seed in range(20):
        bias = torch.randn(CHANNELS, generator=torch.Generator().manual_seed(seed)).to(dtype)
        machine, start = _constant(bias), KINDS[0]
        kind = int(bias[start:].argmax())
        for name in ("greedy", "constrained"):
            found = engine.decode(machine, bias, None, CHOICES[name], 2)
            expected = torch.zeros(CHANNELS, dtype=dtype)
            expected[start + kind] = 1
            for part in CHOICES[name].fed.get(kind, ()):
                if isinstance(part, tuple):
                    expected[part[0] + int(bias[part[0] : sum(part)].argmax())] = 1
                else:
                    fields = LETTERS if part is THREE else LETTERS[2:]
                    expected += part[_probable(bias, part, fields)].to(dtype)
            assert torch.equal(found.chosen, expected.expand(2, -1))
            assert torch.equal(found.outputs, bias.expand(2, -1))


INF, NAN = float("inf"), float("nan")


@DTYPES
@pytest.mark.parametrize("values", [[0], [0.0, -0.0], [NAN, 1], [1, NAN, NAN], [INF, -INF, NAN, 0], [-INF]])
def test_ties_and_what_is_no_number(values: list[float], dtype: torch.dtype) -> None:
    """As torch.argmax, and the loops agree."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(10):
        picked = torch.randint(len(values), (CHANNELS,), generator=generator)
        bias = torch.tensor(values, dtype=dtype)[picked]
        machine = _constant(bias)
        for choice in CHOICES.values():
            (found,) = engine.decode(machine, torch.zeros_like(bias), None, choice, 1).chosen
            assert torch.equal(found, choice.read(bias, bias)[0])
            start, size = choice.kinds
            assert found[start:].nonzero()[0] == bias[start : start + size].argmax()


# ---- who runs


@pytest.mark.parametrize("name", MUTABLE)
def test_a_changed_machine_is_decoded_as_it_says(name: str) -> None:
    choice = Choice((1, 2), {0: [(0, 1)]})
    first, failures, served = torch.randn(INPUT, dtype=torch.float64), [], 0
    for seed, mutation in enumerate(MUTATIONS):
        found = []
        for backend, decode in (("reference", decoding.by_steps), ("auto", engine.decode)):
            machine, calls = _mutated(name, (mutation,), seed)
            machine.backend = backend
            torch.manual_seed(seed)  # of dropout
            try:
                with warnings.catch_warnings(record=True) as said, torch.no_grad():
                    warnings.simplefilter("always", RuntimeWarning)
                    found.append((results(decode(machine, first, None, choice, 4)), calls, None))
            except Exception as error:
                found.append(({}, calls, type(error)))
            served += backend == "auto" and not said
            # A call makes an initial state, with whose shapes it compares the given one.
            calls[:] = [call for call in calls if call != "initial_state"]
        (expected, *rest), (one_call, *same) = found
        if rest != same:
            failures.append((mutation, rest, same))
        elif rest[1] is None:
            assert_close(expected, one_call, 1e-9)
    assert not failures
    assert served > 2


def _hooked(machine: Any) -> None:
    machine.register_forward_hook(lambda module, inputs, result: (result[0] + 1, result[1]))


def _own_outputs(machine: Any) -> None:
    machine.outputs = lambda features, words: type(machine).outputs(machine, features, words) * 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [(_hooked, "it has a hook, or its forward"), (_own_outputs, "its output layer is its own")],
)
def test_step_by_step_is_said_once(change: Callable[[Any], None], reason: str, loops: list[str]) -> None:
    machine = MACHINES["ntm"]()
    machine.backend = "native"
    change(machine)
    first = torch.randn(CHANNELS)
    with pytest.warns(RuntimeWarning, match=f"this NTM is decoded step by step.*: {reason}"):
        found = engine.decode(machine, first, None, CHOICES["greedy"], 5)
    assert_same_bits(by_steps(machine, first, None, CHOICES["greedy"], 5), results(found))
    engine.decode(machine, first, None, CHOICES["greedy"], 5)  # A second warning would be an error here.
    assert loops == ["steps"] * 2


def test_autocast_goes_step_by_step(loops: list[str]) -> None:
    machine, first = MACHINES["ntm"](), torch.randn(CHANNELS)
    with torch.autocast("cpu"), pytest.warns(RuntimeWarning, match="autocast rounds its outputs"):
        found = engine.decode(machine, first, None, CHOICES["greedy"], 5)
    assert found.outputs.dtype == torch.bfloat16
    assert found.chosen.dtype == torch.float32
    assert loops == ["steps"]


def test_native_says_why_it_cannot() -> None:
    machine = MACHINES["ntm"]().bfloat16()
    first = torch.randn(CHANNELS, dtype=torch.bfloat16)
    machine.backend = "native"
    with pytest.raises(EngineError, match="cannot run this NTM: it computes in float32 and float64"):
        engine.decode(machine, first, None, CHOICES["greedy"], 5)
    machine.backend = "auto"
    with pytest.warns(RuntimeWarning, match="runs on the reference engine"):
        engine.decode(machine, first, None, CHOICES["greedy"], 5)


def test_any_function_can_be_decoded() -> None:
    def count(x: Tensor, state: int) -> tuple[Tensor, int]:
        return x.roll(1, -1), state + 1

    found = engine.decode(count, torch.eye(9)[2], 10, Choice((0, 9), {}, stop_kinds=[7]), 99)
    assert found.chosen.argmax(1).tolist() == [3, 4, 5, 6, 7]
    assert found.state == 15


# ---- what is refused


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (((0, 0), {}), r"field \(0, 0\) is none"),
        (((-1, 3), {}), r"field \(-1, 3\) is none"),
        (((0, 3), {3: []}), "there is no kind 3: kinds are numbered from 0 to 2"),
        (((0, 3), {}, [-1]), "there is no kind -1"),
        (((0, 3), {0: [(3, 0)]}), r"field \(3, 0\) is none"),
        (((0, 3), {0: [torch.zeros(0, 5)]}), r"a table has shape \[0, 5\]"),
        (((0, 3), {0: [torch.zeros(5)]}), r"a table has shape \[5\]"),
        (((0, 3), {0: [torch.zeros(2, 5)]}), "have 0 to 0 ones"),
        (((0, 3), {0: [torch.ones(2, 5).tril()]}), "have 1 to 2 ones"),
        (((0, 3), {0: [torch.eye(5) * 2]}), "have 0 to 0 ones"),
        (((0, 3), {0: [torch.eye(5) - 2 * torch.eye(5).roll(1)]}), "and zeros elsewhere"),
    ],
)
def test_a_choice_that_is_none(arguments: tuple, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Choice(*arguments)


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_what_does_not_fit(backend: str) -> None:
    machine, choice = MACHINES["ntm"](), CHOICES["greedy"]
    machine.backend = backend
    first, state = torch.randn(CHANNELS), machine.initial_state(1)
    with pytest.raises(ValueError, match="first has 2 axes"):
        engine.decode(machine, first[None], state, choice, 5)
    with pytest.raises(ValueError, match="max_steps is 0: give at least one"):
        engine.decode(machine, first, state, choice, 0)
    with pytest.raises(ValueError, match=r"but this NTM was built with input_size=26"):
        engine.decode(machine, first[1:], state, choice, 5)
    with pytest.raises(ValueError, match="names channel 26, but the machine has 26 channels in and 26 out"):
        engine.decode(machine, first, state, Choice((25, 2), {}), 5)
    with pytest.raises(ValueError, match="state is a DNCState: NTM goes on from the NTMState"):
        engine.decode(machine, first, MACHINES["dnc"]().initial_state(1), choice, 5)
    for wrong in (machine.initial_state(2), MACHINES["ntm, as for search"]().initial_state(1)):
        with pytest.raises((ValueError, EngineError), match="needed here"):
            engine.decode(machine, first, wrong, choice, 5)
    with pytest.raises(ValueError, match="convert one to the other"):
        engine.decode(machine, first, state.to(torch.float64), choice, 5)


def test_the_kernel_checks_the_choice_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every check above it had let it through."""
    machine, first = MACHINES["ntm"](), torch.randn(CHANNELS)
    choice = CHOICES["constrained"]
    good = choice.words.tolist()
    bad = [good[:count] for count in range(0, len(good), 7)]
    bad += [[*good, 0], [-1, *good[1:]], [1 << 62, *good[1:]]]
    may_be_any_number, place = set(), 1 + sum(2 + rows.numel() for rows in choice._rows)
    for parts in choice._parts_of:
        may_be_any_number.add(place)
        place += 2 + len(parts)
    for place, value in itertools.product(range(1, len(good)), (-1, CHANNELS, 1 << 40)):
        if place not in may_be_any_number:
            bad.append([*good[:place], value, *good[place + 1 :]])
    for words in bad:
        monkeypatch.setitem(choice.__dict__, "words", torch.tensor(words, dtype=torch.int64))
        with pytest.raises(EngineError, match="the choice of the next input is none"):
            engine.decode(machine, first, None, choice, 3)


def test_probabilities_are_the_same_some_steps_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    table = torch.zeros(30, CHANNELS)
    for start, size in LETTERS:
        table[torch.arange(30), start + torch.randint(size, (30,))] = 1
    choice, outputs = Choice(KINDS, {0: [table], 1: LETTERS}), torch.randn(200, CHANNELS)
    whole = choice.log_probabilities(outputs)
    for most in (1, 7 * 90, 1_000):
        monkeypatch.setattr(decoding, "MAX_GATHERED", most)
        assert torch.equal(choice.log_probabilities(outputs), whole)
    step = int((outputs[:, KINDS[0] : sum(KINDS)].argmax(1) == 0).nonzero()[0])
    kinds, sums = outputs[step, KINDS[0] : sum(KINDS)].double(), table.double() @ outputs[step].double()
    assert torch.isclose(whole[step], kinds.log_softmax(0).max() + sums.log_softmax(0).max())
