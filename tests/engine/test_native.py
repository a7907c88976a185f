"""The native engine against the reference: outputs, final states, every gradient; NaN in all buffers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tapehead import DNC, NTM
from tapehead.nn import DeepLSTM
from tapehead.types import map_state
from tests.engine.agreement import (
    TOLERANCE,
    assert_agree,
    assert_close,
    assert_same_bits,
    everything,
    random_state,
    threads,
)

CASES: dict[str, Callable[[], Any]] = {
    "dnc": lambda: DNC(5, 7, output_size=4, memory_size=9, word_size=6, num_reads=3),
    "dnc, two layers": lambda: DNC(
        5, 7, output_size=4, memory_size=17, word_size=3, num_reads=1, num_layers=2
    ),
    "dnc, feed-forward": lambda: DNC(
        5, 7, output_size=4, memory_size=12, word_size=3, num_reads=2, controller="feedforward", num_layers=3
    ),
    "dnc, six reads": lambda: DNC(5, 7, output_size=4, memory_size=12, word_size=3, num_reads=6),
    "dnc, eleven reads": lambda: DNC(5, 7, output_size=4, memory_size=10, word_size=2, num_reads=11),
    "dnc, masks": lambda: DNC(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=3, masked_lookup=True
    ),
    "dnc, masks with a floor": lambda: DNC(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=3, masked_lookup=True, mask_min=0.1
    ),
    "dnc, deallocation": lambda: DNC(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, deallocation=True
    ),
    "dnc, link sharpening": lambda: DNC(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, link_sharpening=True
    ),
    "dnc, interface norm": lambda: DNC(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, interface_norm=True
    ),
    "dnc, no links": lambda: DNC(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, temporal_links=False
    ),
    "dnc, no usage gradient": lambda: DNC(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, usage_gradient=False
    ),
    "dnc, clipped": lambda: DNC(
        5,
        7,
        output_size=4,
        memory_size=9,
        word_size=6,
        num_reads=2,
        clip_controller_gradient=0.3,
        num_layers=2,
    ),
    "dnc, feed-forward, clipped": lambda: DNC(
        5,
        7,
        output_size=4,
        memory_size=9,
        word_size=6,
        num_reads=2,
        controller="feedforward",
        clip_controller_gradient=0.3,
        num_layers=2,
    ),
    "dnc, bounded weightings": lambda: DNC(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, clip_weighting_gradient=0.1
    ),
    "dnc, bounded weightings, no links": lambda: DNC(
        5,
        7,
        output_size=4,
        memory_size=9,
        word_size=6,
        num_reads=2,
        clip_weighting_gradient=0.1,
        temporal_links=False,
    ),
    "dnc, learned start": lambda: DNC(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, learn_initial_state=True, num_layers=2
    ),
    "dnc, every switch": lambda: DNC(
        5,
        7,
        output_size=4,
        memory_size=9,
        word_size=6,
        num_reads=7,
        num_layers=2,
        learn_initial_state=True,
        masked_lookup=True,
        mask_min=0.05,
        deallocation=True,
        link_sharpening=True,
        interface_norm=True,
        usage_gradient=False,
        clip_controller_gradient=0.5,
        clip_weighting_gradient=0.5,
    ),
    "dnc, every switch, no links": lambda: DNC(
        5,
        7,
        output_size=4,
        memory_size=9,
        word_size=6,
        num_reads=2,
        temporal_links=False,
        masked_lookup=True,
        deallocation=True,
        interface_norm=True,
        usage_gradient=False,
    ),
    "dnc, one slot of one number": lambda: DNC(5, 7, output_size=4, memory_size=1, word_size=1, num_reads=2),
    "dnc, all of size one": lambda: DNC(1, 1, output_size=1, memory_size=1, word_size=1, num_reads=1),
    "ntm": lambda: NTM(5, 7, output_size=4, memory_size=9, word_size=6),
    "ntm, many heads": lambda: NTM(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, num_writes=3, max_shift=2, num_layers=2
    ),
    "ntm, six reads": lambda: NTM(
        5, 7, output_size=4, memory_size=17, word_size=4, num_reads=6, num_writes=1
    ),
    "ntm, read first": lambda: NTM(
        5, 7, output_size=4, memory_size=19, word_size=6, num_reads=2, num_writes=2, read_first=True
    ),
    "ntm, reads not fed": lambda: NTM(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, num_layers=2, feed_reads=False
    ),
    "dnc, reads not fed": lambda: DNC(
        5, 7, output_size=4, memory_size=9, word_size=6, controller="feedforward", feed_reads=False
    ),
    "ntm, write gates": lambda: NTM(
        5, 7, output_size=4, memory_size=19, word_size=6, num_reads=2, num_writes=2, write_gate=True
    ),
    "ntm, write gates, read first, no shift": lambda: NTM(
        5,
        7,
        output_size=4,
        memory_size=9,
        word_size=6,
        num_writes=3,
        max_shift=0,
        write_gate=True,
        read_first=True,
        clip_weighting_gradient=0.1,
    ),
    "ntm, no shift, feed-forward": lambda: NTM(
        5,
        7,
        output_size=4,
        memory_size=8,
        word_size=6,
        num_reads=1,
        num_writes=2,
        max_shift=0,
        controller="feedforward",
    ),
    "ntm, shifts wider than the memory": lambda: NTM(
        5, 7, output_size=4, memory_size=3, word_size=6, num_reads=2, num_writes=1, max_shift=4
    ),
    "ntm, one slot": lambda: NTM(
        5, 7, output_size=4, memory_size=1, word_size=6, num_reads=2, num_writes=1, max_shift=2
    ),
    "ntm, learned start, clipped": lambda: NTM(
        5,
        7,
        output_size=4,
        memory_size=9,
        word_size=6,
        learn_initial_state=True,
        clip_controller_gradient=0.2,
    ),
    "ntm, learned memory": lambda: NTM(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, num_writes=2, learn_initial_memory=True
    ),
    "ntm, bounded weightings": lambda: NTM(
        5,
        7,
        output_size=4,
        memory_size=9,
        word_size=6,
        num_reads=2,
        num_writes=2,
        clip_weighting_gradient=0.1,
    ),
    "ntm, bounded weightings, read first": lambda: NTM(
        5,
        7,
        output_size=4,
        memory_size=9,
        word_size=6,
        num_reads=2,
        num_writes=2,
        clip_weighting_gradient=0.1,
        read_first=True,
    ),
    "sparse ntm": lambda: NTM(5, 7, output_size=4, memory_size=9, word_size=6, access="sparse"),
    "sparse ntm, many heads": lambda: NTM(
        5,
        7,
        output_size=4,
        memory_size=19,
        word_size=17,
        num_reads=3,
        num_writes=2,
        access="sparse",
        top_k=3,
        num_layers=2,
    ),
    "sparse ntm, fewer slots than heads": lambda: NTM(
        5, 7, output_size=4, memory_size=2, word_size=3, num_reads=2, num_writes=3, access="sparse"
    ),
    "sparse ntm, read first": lambda: NTM(
        5, 7, output_size=4, memory_size=40, word_size=6, num_reads=2, access="sparse", read_first=True
    ),
    "sparse ntm, feed-forward, clipped": lambda: NTM(
        5,
        7,
        output_size=4,
        memory_size=9,
        word_size=6,
        num_reads=2,
        num_writes=2,
        access="sparse",
        top_k=2,
        controller="feedforward",
        clip_controller_gradient=0.2,
        clip_weighting_gradient=0.1,
    ),
    "sparse ntm, reads not fed": lambda: NTM(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, access="sparse", feed_reads=False
    ),
    "sparse ntm, learned start": lambda: NTM(
        5,
        7,
        output_size=4,
        memory_size=9,
        word_size=6,
        access="sparse",
        learn_initial_state=True,
        learn_initial_memory=True,
    ),
    "sparse dnc": lambda: DNC(5, 7, output_size=4, memory_size=9, word_size=6, access="sparse"),
    "sparse dnc, no links": lambda: DNC(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, access="sparse", temporal_links=False
    ),
    "sparse dnc, many heads": lambda: DNC(
        5,
        7,
        output_size=4,
        memory_size=40,
        word_size=17,
        num_reads=3,
        access="sparse",
        top_k=3,
        num_layers=2,
    ),
    "sparse dnc, every slot read": lambda: DNC(
        5, 7, output_size=4, memory_size=19, word_size=3, num_reads=2, access="sparse", top_k=25
    ),
    "sparse dnc, one slot of one number": lambda: DNC(
        5, 7, output_size=4, memory_size=1, word_size=1, num_reads=2, access="sparse", top_k=1
    ),
    "sparse dnc, every switch": lambda: DNC(
        5,
        7,
        output_size=4,
        memory_size=13,
        word_size=6,
        num_reads=2,
        num_layers=2,
        access="sparse",
        top_k=5,
        learn_initial_state=True,
        interface_norm=True,
        clip_controller_gradient=0.5,
        clip_weighting_gradient=0.1,
    ),
    "sparse dnc, feed-forward, reads not fed": lambda: DNC(
        5,
        7,
        output_size=4,
        memory_size=9,
        word_size=6,
        access="sparse",
        top_k=2,
        controller="feedforward",
        feed_reads=False,
        clip_weighting_gradient=0.1,
    ),
    "deep lstm": lambda: DeepLSTM(5, 7, output_size=4),
    "deep lstm, one layer, zero start": lambda: DeepLSTM(
        5, 7, output_size=4, num_layers=1, learn_initial_state=False
    ),
    "deep lstm, clipped": lambda: DeepLSTM(5, 7, output_size=4, num_layers=2, clip_controller_gradient=0.2),
}
DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])


def _machine(make: Callable[[], Any], dtype: torch.dtype, scale: float = 2) -> Any:
    """Weights twice as large as PyTorch makes them: the gates leave their middle."""
    machine = make().to(dtype)
    with torch.no_grad():
        for parameter in machine.parameters():
            parameter.copy_(scale * torch.where(parameter == 0, torch.randn_like(parameter), parameter))
    return machine


def _x(machine: Any, T: int, B: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.randn(T, B, machine.input_size, dtype=dtype)


@DTYPES
@pytest.mark.parametrize("case", CASES)
def test_agrees_from_any_state(case: str, dtype: torch.dtype) -> None:
    machine = _machine(CASES[case], dtype)
    assert_agree(machine, _x(machine, 7, 3, dtype), random_state(machine, 3))


@pytest.mark.parametrize("case", CASES)
def test_agrees_from_the_start(case: str) -> None:
    machine = _machine(CASES[case], torch.float64)
    assert_agree(machine, _x(machine, 6, 2, torch.float64))


@DTYPES
@pytest.mark.parametrize("case", CASES)
def test_agrees_with_lengths(case: str, dtype: torch.dtype) -> None:
    machine = _machine(CASES[case], dtype)
    x = _x(machine, 7, 4, dtype)
    x[5:, 0] = x[1:, 2] = float("nan")
    assert_agree(machine, x, random_state(machine, 4), lengths=torch.tensor([5, 7, 1, 7]))


@st.composite
def _machines(draw: Any) -> Callable[[], Any]:
    """What builds any machine, with odd sizes and any switches."""
    size = st.integers(1, 9)
    common = {
        "num_layers": draw(st.integers(1, 3)),
        "learn_initial_state": draw(st.booleans()),
        "clip_controller_gradient": draw(st.sampled_from([None, None, 0.3])),
    }
    sizes = [draw(size), draw(st.integers(1, 19))]
    common["output_size"] = draw(st.integers(1, 3))
    kind = draw(st.sampled_from(["dnc", "dnc", "ntm", "ntm", "lstm"]))
    if kind == "lstm":
        return partial(DeepLSTM, *sizes, **common)
    common["controller"] = draw(st.sampled_from(["lstm", "lstm", "feedforward"]))
    if common["controller"] == "feedforward":
        common["learn_initial_state"] = False
    common["clip_weighting_gradient"] = draw(st.sampled_from([None, None, 0.2]))
    common |= {
        "memory_size": draw(st.integers(1, 21)),
        "word_size": draw(size),
        "num_reads": draw(st.integers(1, 7)),
        "feed_reads": draw(st.booleans()),
    }
    flag = st.booleans()
    if kind == "ntm":
        common["num_writes"] = draw(st.integers(1, 3))
        if draw(st.booleans()):
            common |= {"access": "sparse", "top_k": draw(st.integers(1, 9))}
            return partial(NTM, *sizes, read_first=draw(flag), **common)
        common["max_shift"] = draw(st.integers(0, 3))
        return partial(NTM, *sizes, read_first=draw(flag), write_gate=draw(flag), **common)
    links = draw(flag)
    if draw(st.sampled_from([False, False, True])):
        common |= {"access": "sparse", "top_k": draw(st.integers(1, 9)), "temporal_links": links}
        return partial(DNC, *sizes, interface_norm=draw(flag), **common)
    return partial(
        DNC,
        *sizes,
        temporal_links=links,
        masked_lookup=draw(flag),
        mask_min=draw(st.sampled_from([0.0, 0.1])),
        deallocation=draw(flag),
        link_sharpening=links and draw(flag),
        interface_norm=draw(flag),
        usage_gradient=draw(flag),
        **common,
    )


@st.composite
def _calls(draw: Any) -> dict[str, Any]:
    """Any call, but for the numbers in it: those come from a seed."""
    T, B = draw(st.integers(1, 7)), draw(st.integers(1, 4))
    lengths = st.lists(st.integers(1, T), min_size=B, max_size=B)
    return {
        "T": T,
        "B": B,
        "lengths": draw(st.none() | lengths),
        "memory_size": draw(st.none() | st.integers(1, 20)),
        "state": draw(st.booleans()),
        "input_gradient": draw(st.booleans()),
        "state_gradient": draw(st.booleans()),
        "cotangents": draw(st.sampled_from(["all", "all", "outputs", "state"])),
        "seed": draw(st.integers(0, 10**6)),
    }


def _check(make: Callable[[], Any], call: dict[str, Any], dtype: torch.dtype) -> None:
    torch.manual_seed(call["seed"])
    # In float32 with large weights, some machines feed their roundings back until the fourth digit is gone.
    machine = _machine(make, dtype, scale=2 if dtype == torch.float64 else 1)
    x = _x(machine, call.pop("T"), call.pop("B"), dtype)
    memory_size = None if isinstance(machine, DeepLSTM) else call.pop("memory_size")
    call.pop("memory_size", None)
    state = None
    if call.pop("state"):
        state = random_state(machine, x.shape[1], memory_size, call["seed"])
    elif memory_size is not None:
        call["memory_size"] = memory_size
    assert_agree(machine, x, state, **call)


@settings(max_examples=250)
@given(_machines(), _calls())
def test_any_machine_in_float64(make: Callable[[], Any], call: dict[str, Any]) -> None:
    _check(make, call, torch.float64)


@settings(max_examples=100)
@given(_machines(), _calls())
def test_any_machine_in_float32(make: Callable[[], Any], call: dict[str, Any]) -> None:
    # From the start state on, slots tie for the least used, and the last bit of a float32 breaks the tie.
    _check(make, {**call, "state": True}, torch.float32)


@pytest.mark.parametrize(("slots", "links"), [(257, True), (1100, False)])
def test_more_slots_than_fit_the_stack(slots: int, links: bool) -> None:
    machine = _machine(
        lambda: DNC(2, 3, output_size=2, memory_size=slots, word_size=2, num_reads=2, temporal_links=links),
        torch.float64,
    )
    assert_agree(machine, _x(machine, 3, 2, torch.float64), random_state(machine, 2))


@DTYPES
@pytest.mark.parametrize("given", [False, True], ids=["", "from a state"])
@pytest.mark.parametrize("slots", [16, 32, 33])
def test_links_with_and_without_padding(slots: int, given: bool, dtype: torch.dtype) -> None:
    """Where rows have no padding, links are worked on in the final state; the given one stays as it is."""
    machine = _machine(
        lambda: DNC(3, 5, output_size=2, memory_size=slots, word_size=3, num_reads=2), dtype, scale=1
    )
    state = random_state(machine, 3) if given else None
    kept = None if state is None else state.link.clone()
    lengths = torch.tensor([9, 4, 1])
    assert_agree(machine, _x(machine, 9, 3, dtype), state, lengths=lengths)
    with threads(2):
        assert_agree(machine, _x(machine, 9, 3, dtype), state)
    assert state is None or torch.equal(state.link, kept)


def test_more_steps_than_one_segment() -> None:
    for steps in (16, 17, 50):
        machine = _machine(
            lambda: DNC(3, 5, output_size=2, memory_size=6, word_size=3, num_reads=2), torch.float64, scale=1
        )
        lengths = torch.tensor([steps, steps // 2, 3])
        assert_agree(machine, _x(machine, steps, 3, torch.float64), random_state(machine, 3), lengths=lengths)


def test_input_of_any_layout() -> None:
    machine = _machine(CASES["dnc"], torch.float64)
    machine.interface.weight = torch.nn.Parameter(torch.randn(7, machine.interface.out_features).double().t())
    state = random_state(machine, 3)
    state = state._replace(
        memory=state.memory.mT.contiguous().mT,
        link=state.link.mT.contiguous().mT,
        read_words=state.read_words[:1].expand(3, -1, -1),
    )
    x = torch.randn(3, 5, 14, dtype=torch.float64).permute(2, 0, 1)[::2]
    assert not x.is_contiguous()
    assert_agree(machine, x, state)
    machine.batch_first = True
    assert_agree(machine, torch.randn(3, 7, 5, dtype=torch.float64), state)


@pytest.mark.parametrize(
    "lengths",
    [torch.tensor([[3, 9], [7, 9], [1, 9]])[:, 0], torch.tensor(4).expand(3)],
    ids=["strided", "expanded"],
)
def test_lengths_of_any_layout(lengths: torch.Tensor) -> None:
    machine = _machine(CASES["ntm"], torch.float64)
    assert not lengths.is_contiguous()
    assert_agree(machine, _x(machine, 7, 3, torch.float64), random_state(machine, 3), lengths=lengths)


def test_cotangents_of_any_layout() -> None:
    machine = _machine(CASES["dnc"], torch.float64)
    x = _x(machine, 4, 3, torch.float64)
    gradients = []
    for backend in ("reference", "native"):
        machine.backend = backend
        machine.zero_grad()
        y, state = machine(x)
        # sum() and mT send expanded and transposed gradients back.
        (y.sum() + state.memory.sum() + (state.link.mT * torch.arange(9).double()).mT.sum()).backward()
        gradients.append({name: p.grad.clone() for name, p in machine.named_parameters()})
    assert_close(*gradients, TOLERANCE[torch.float64])


@pytest.mark.parametrize(
    "case",
    [
        "dnc, every switch",
        "ntm, many heads",
        "sparse ntm, many heads",
        "sparse dnc, every switch",
        "deep lstm",
    ],
)
def test_some_parameters_alone(case: str) -> None:
    machine = _machine(CASES[case], torch.float64)
    x, state = _x(machine, 5, 2, torch.float64), random_state(machine, 2)
    names = [name for name, _ in machine.named_parameters()]
    for wanted in names:
        for name, parameter in machine.named_parameters():
            parameter.requires_grad_(name == wanted)
        assert_agree(machine, x, state, input_gradient=False, state_gradient=False)
    machine.requires_grad_(False)
    assert_agree(machine, x, state)
    assert_agree(machine, x, state, input_gradient=False, state_gradient=False)


@pytest.mark.parametrize("field", ["memory", "usage", "precedence", "link", "write_weights", "read_weights"])
def test_one_part_of_the_start_state_alone(field: str) -> None:
    machine = _machine(CASES["dnc"], torch.float64)
    x, gradients = _x(machine, 3, 2, torch.float64), []
    for backend in ("reference", "native"):
        machine.backend = backend
        state = random_state(machine, 2)
        leaf = getattr(state, field).clone().requires_grad_()
        y, final = machine(x, state._replace(**{field: leaf}))
        (y.sin().sum() + final.memory.cos().sum()).backward()
        gradients.append({field: leaf.grad})
    assert_close(*gradients, TOLERANCE[torch.float64])


@pytest.mark.parametrize(
    "case", ["dnc", "ntm", "sparse ntm, many heads", "sparse dnc, many heads", "deep lstm"]
)
def test_without_gradients(case: str) -> None:
    machine = _machine(CASES[case], torch.float32)
    x, state = _x(machine, 5, 2, torch.float32), random_state(machine, 2)
    with_gradients = everything(machine, "native", x, state)
    for context in (torch.no_grad, torch.inference_mode):
        with context():
            y, final = machine(x, state)
        assert not y.requires_grad
        found = {"y": y}
        map_state(lambda field, found=found: found.setdefault(f"final state {len(found) - 1}", field), final)
        assert_same_bits({name: with_gradients[name] for name in found}, found)


@pytest.mark.parametrize(
    "case", ["dnc", "ntm", "sparse ntm, many heads", "sparse dnc, many heads", "deep lstm"]
)
def test_one_call_is_many_calls_of_one_step(case: str) -> None:
    machine = _machine(CASES[case], torch.float64)
    machine.backend = "native"
    x = _x(machine, 9, 2, torch.float64)
    whole, _ = machine(x)
    state, parts = None, []
    for step in x.split(1):
        y, state = machine(step, state)
        parts.append(y)
    assert_close({"y": whole}, {"y": torch.cat(parts)}, 1e-12)


def test_backward_twice() -> None:
    machine = _machine(CASES["dnc, every switch"], torch.float64)
    machine.backend = "native"
    y, _ = machine(_x(machine, 5, 3, torch.float64), lengths=[5, 2, 4])
    parameters = list(machine.parameters())
    first = torch.autograd.grad(y.square().sum(), parameters, retain_graph=True)
    again = torch.autograd.grad(y.square().sum(), parameters)
    assert all(torch.equal(a, b) for a, b in zip(first, again))


@pytest.mark.parametrize(
    "case", ["dnc, every switch, no links", "dnc", "ntm", "sparse ntm", "sparse dnc", "deep lstm"]
)
def test_second_derivatives(case: str) -> None:
    machine = _machine(CASES[case], torch.float64)
    x, found = _x(machine, 3, 2, torch.float64).requires_grad_(), []
    for backend in ("reference", "native"):
        machine.backend = backend
        (gradient,) = torch.autograd.grad(machine(x)[0].square().sum(), x, create_graph=True)
        parameters = list(machine.parameters())
        second = torch.autograd.grad(gradient.sin().sum(), parameters, allow_unused=True)
        found.append({str(i): tensor for i, tensor in enumerate(second)})
    assert_close(*found, TOLERANCE[torch.float64])


@pytest.mark.parametrize("start", ["zeros", "random", "large"])
@pytest.mark.parametrize(
    "case",
    [
        "dnc",
        "dnc, every switch",
        "ntm, many heads",
        "ntm, read first",
        "sparse ntm, many heads",
        "sparse dnc, many heads",
        "deep lstm",
    ],
)
def test_saturated_gates(case: str, start: str) -> None:
    machine = _machine(CASES[case], torch.float64, scale=10)
    state = random_state(machine, 2)
    if start == "zeros":
        state = map_state(torch.zeros_like, state)
    elif start == "large":
        state = state._replace(controller=map_state(lambda field: 100 * field, state.controller))
        if hasattr(state, "memory"):
            state = state._replace(memory=1000 * state.memory, read_words=1000 * state.read_words)
    assert_agree(machine, _x(machine, 5, 2, torch.float64), state)
    narrow = machine.float()
    x, state = _x(narrow, 5, 2, torch.float32), map_state(torch.Tensor.float, state)
    found = everything(narrow, "native", x, state)
    assert all(tensor is None or tensor.isfinite().all() for tensor in found.values())


@pytest.mark.parametrize("kind", [NTM, DNC])
def test_a_long_run_of_a_small_sparse_memory(kind: Any) -> None:
    """Every slot is emptied and read many times over."""
    machine = _machine(
        lambda: kind(3, 9, output_size=2, memory_size=11, word_size=4, num_reads=2, access="sparse", top_k=2),
        torch.float64,
        scale=1,
    )
    lengths = torch.tensor([150, 70, 3])
    assert_agree(machine, _x(machine, 150, 3, torch.float64), random_state(machine, 3), lengths=lengths)
    assert_agree(machine, _x(machine, 150, 3, torch.float64), lengths=lengths)


class _Doubled(DNC):
    """Starts elsewhere, and makes something of its own of the outputs."""

    def initial_state(self, batch_size: int | None = None, memory_size: int | None = None) -> Any:
        state = super().initial_state(batch_size, memory_size)
        return state._replace(memory=state.memory + 0.5)

    def outputs(self, features: torch.Tensor, read_words: torch.Tensor | None) -> torch.Tensor:
        return 2 * super().outputs(features, read_words) + 1


def test_a_start_and_outputs_of_a_class_of_ones_own() -> None:
    machine = _machine(
        lambda: _Doubled(5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2), torch.float64
    )
    assert_agree(machine, _x(machine, 4, 2, torch.float64), lengths=[4, 2])


@pytest.mark.parametrize("where", ["output_from_controller", "output_from_reads"])
def test_another_output_layer(where: str) -> None:
    """Put in its place, with the bias that the DNC's has not; or hooked."""
    machine = _machine(CASES["dnc"], torch.float64)
    size = getattr(machine, where).in_features
    setattr(machine, where, torch.nn.Linear(size, 4, dtype=torch.float64))
    assert_agree(machine, _x(machine, 4, 2, torch.float64), lengths=[4, 2])
    getattr(machine, where).register_forward_hook(lambda module, inputs, output: output.sin())
    assert_agree(machine, _x(machine, 4, 2, torch.float64), lengths=[4, 2])
