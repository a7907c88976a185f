"""The machines, step by step, against the NumPy transcriptions: interface, trace, state and output."""

from itertools import product

import numpy as np
import pytest
import torch

import tapehead
from tapehead.nn import FeedforwardController
from tests.paper import dnc_numpy, ntm_numpy, sam_numpy

STEPS, BATCH, INPUTS, OUTPUTS = 6, 2, 3, 2

DNC_CASES = {
    "plain": {},
    "one slot": {"memory_size": 1, "word_size": 1},
    "five heads": {"num_reads": 5, "word_size": 2},
    "two layers": {"num_layers": 2},
    "feedforward": {"controller": "feedforward", "num_layers": 2},
    "learned start": {"learn_initial_state": True},
    "no links": {"temporal_links": False},
    "masked": {"masked_lookup": True, "mask_min": 0.1},
    "deallocation": {"deallocation": True},
    "sharpened links": {"link_sharpening": True},
    "all": {"masked_lookup": True, "deallocation": True, "link_sharpening": True},
    "all but links": {"masked_lookup": True, "deallocation": True, "temporal_links": False},
    "reads not fed": {"feed_reads": False},
    "normalised": {"interface_norm": True},
}
NTM_CASES = {
    "plain": {},
    "one slot": {"memory_size": 1, "word_size": 1},
    "several heads": {"num_reads": 3, "num_writes": 2, "max_shift": 2},
    "wide shifts": {"memory_size": 3, "max_shift": 4},
    "no shifts": {"max_shift": 0, "num_writes": 3},
    "read first": {"read_first": True, "num_reads": 2},
    "reads not fed": {"feed_reads": False, "num_reads": 2, "num_layers": 2},
    "write gates": {"write_gate": True, "num_writes": 2},
    "write gates, read first, wide shifts": {"write_gate": True, "read_first": True, "max_shift": 2},
    "two layers": {"num_layers": 2},
    "feedforward": {"controller": "feedforward"},
    "learned start": {"learn_initial_state": True},
    "learned memory": {"learn_initial_memory": True},
}

# Every combination of the DNC's switches, and of the NTM's heads and order, each at a size of its own.
SWITCHES = ("temporal_links", "masked_lookup", "deallocation", "link_sharpening")
for number, chosen in enumerate(product([True, False], repeat=len(SWITCHES))):
    switches = dict(zip(SWITCHES, chosen))
    if switches["link_sharpening"] and not switches["temporal_links"]:
        continue
    if switches["masked_lookup"] and number % 4 == 0:
        switches["mask_min"] = 0.3
    sizes = {"memory_size": (1, 2, 7, 4)[number % 4], "word_size": (5, 1, 3)[number % 3]}
    DNC_CASES[f"switches {number}"] = {**switches, **sizes, "num_reads": 1 + (number + number // 4) % 4}
for number, (reads, writes, reach, read_first) in enumerate(
    product((1, 2), (1, 2, 3), (0, 1, 2), (False, True))
):
    NTM_CASES[f"{reads} reads, {writes} writes, shifts to {reach}{', read first' * read_first}"] = {
        "num_reads": reads,
        "num_writes": writes,
        "max_shift": reach,
        "read_first": read_first,
        "memory_size": (1, 2, 7, 4, 6)[number % 5],
        "word_size": (5, 1, 3)[number % 3],
    }
SAM_CASES = {
    f"{reads} reads, {writes} writes, {top_k} of {slots}{', read first' * read_first}": {
        "num_reads": reads,
        "num_writes": writes,
        "top_k": top_k,
        "memory_size": slots,
        "word_size": 1 + slots % 3,
        "read_first": read_first,
    }
    for reads, writes, top_k, slots, read_first in product(
        (1, 2), (1, 3), (1, 2, 4), (1, 2, 5, 40), (False, True)
    )
} | {"learned memory": {"learn_initial_memory": True}, "learned start": {"learn_initial_state": True}}


def build(machine, arguments):
    made = machine(
        INPUTS, 4, output_size=OUTPUTS, **{"memory_size": 5, "word_size": 3, "num_reads": 2, **arguments}
    ).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(std=0.8)  # far from the middle of every gate
    return made


def layers_of(machine):
    return [
        (layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in machine.controller.layers
    ]


def check_controller(machine, x, y, start, final, trace, b, length):
    """x_t and the words read at t − 1 → controller → ξ_t; the controller and the words of t → y_t."""
    layers, words = layers_of(machine), start.read_words[b].detach().numpy().ravel()
    state = None
    if not isinstance(machine.controller, FeedforwardController):
        h, c = zip(*start.controller)
        state = {"h": torch.stack(h)[:, b].detach().numpy(), "c": torch.stack(c)[:, b].detach().numpy()}
    for t in range(length):
        words = words if machine.feed_reads else words[:0]
        if state is None:
            features = dnc_numpy.feedforward_step(x[t, b].numpy(), words, layers)
        else:
            features, state = dnc_numpy.deep_lstm_step(x[t, b].numpy(), words, state, layers)
        interface = machine.interface.weight.detach().numpy() @ features
        if machine.interface.bias is not None:
            interface = interface + machine.interface.bias.detach().numpy()
        norm = getattr(machine, "interface_norm", None)
        if norm is not None:
            spread = np.sqrt(interface.var() + norm.eps)
            interface = (
                interface - interface.mean()
            ) / spread * norm.weight.detach().numpy() + norm.bias.detach().numpy()
        np.testing.assert_allclose(trace.interface[t, b].numpy(), interface, atol=1e-10, rtol=1e-10)
        words = trace.read_words[t, b].numpy().ravel()
        output = machine.output_from_controller.weight.detach().numpy() @ features
        output = output + machine.output_from_reads.weight.detach().numpy() @ words
        if machine.output_from_controller.bias is not None:
            output = output + machine.output_from_controller.bias.detach().numpy()
        np.testing.assert_allclose(y[t, b].numpy(), output, atol=1e-10, rtol=1e-10)
    assert not y[length:, b].any()
    if state is not None:
        for name, parts in zip("hc", zip(*final.controller)):
            np.testing.assert_allclose(
                torch.stack(parts)[:, b].numpy(), state[name], atol=1e-10, rtol=1e-10, err_msg=name
            )


def run(machine, lengths, memory_size=None):
    x = torch.randn(STEPS, BATCH, INPUTS, dtype=torch.float64)
    with torch.no_grad():
        y, state, trace = machine(x, lengths=lengths, memory_size=memory_size, return_trace=True)
        start = machine.initial_state(BATCH, memory_size)
    return x, y, start, state, trace


def check_steps(step, start, state, trace, b, length):
    """Feed ξ_t to the transcription and compare what it leaves with the trace and the final state."""
    now = {name: getattr(start, name)[b].detach().numpy() for name in start._fields if name != "controller"}
    for t in range(STEPS):
        if t >= length:
            assert all(not field[t, b].any() for field in trace if field is not None)
            continue
        now, details = step(trace.interface[t, b].numpy(), now)
        for name, expected in details.items():
            recorded = getattr(trace, name)
            if name == "read_gates" and expected is None:  # without links there are no modes: content alone
                expected = np.tile([0.0, 1.0, 0.0], (recorded.shape[2], 1))
            np.testing.assert_allclose(
                recorded[t, b].numpy(), expected, atol=1e-10, rtol=1e-10, err_msg=f"{name} after step {t}"
            )
    for name, expected in now.items():
        np.testing.assert_allclose(
            getattr(state, name)[b].numpy(), expected, atol=1e-10, rtol=1e-10, err_msg=name
        )


def check(machine, step, lengths, memory_size):
    x, y, start, final, trace = run(machine, lengths, memory_size)
    for b, length in enumerate(lengths or [STEPS] * BATCH):
        check_steps(step, start, final, trace, b, length)
        check_controller(machine, x, y, start, final, trace, b, length)


def check_dnc(machine, lengths, memory_size=None):
    switches = {name: getattr(machine, name) for name in (*SWITCHES, "mask_min")}

    def step(interface, now):
        sizes = {"N": memory_size or machine.memory_size, "W": machine.word_size, "R": machine.num_reads}
        return dnc_numpy.dnc_step(interface, now, **sizes, **switches)

    check(machine, step, lengths, memory_size)


def check_ntm(machine, lengths, memory_size=None):
    def step(interface, now):
        return ntm_numpy.ntm_step(
            interface,
            now,
            N=memory_size or machine.memory_size,
            W=machine.word_size,
            num_reads=machine.num_reads,
            num_writes=machine.num_writes,
            max_shift=machine.max_shift,
            read_first=machine.read_first,
            write_gate=machine.write_gate,
        )

    check(machine, step, lengths, memory_size)


@pytest.mark.parametrize("lengths", [None, [STEPS, 2]], ids=["full", "lengths"])
@pytest.mark.parametrize("case", DNC_CASES)
def test_dnc(case, lengths):
    check_dnc(build(tapehead.DNC, DNC_CASES[case]), lengths)


@pytest.mark.parametrize("lengths", [None, [STEPS, 2]], ids=["full", "lengths"])
@pytest.mark.parametrize("case", NTM_CASES)
def test_ntm(case, lengths):
    check_ntm(build(tapehead.NTM, NTM_CASES[case]), lengths)


def check_sam(machine, lengths, memory_size=None):
    def step(interface, now):
        return sam_numpy.sam_step(
            interface,
            now,
            N=memory_size or machine.memory_size,
            W=machine.word_size,
            num_reads=machine.num_reads,
            num_writes=machine.num_writes,
            K=machine.top_k,
            read_first=machine.read_first,
        )

    check(machine, step, lengths, memory_size)


@pytest.mark.parametrize("lengths", [None, [STEPS, 2]], ids=["full", "lengths"])
@pytest.mark.parametrize("case", SAM_CASES)
def test_sam(case, lengths):
    check_sam(build(tapehead.NTM, {"access": "sparse"} | SAM_CASES[case]), lengths)


@pytest.mark.parametrize("top_k", [1, 3])
@pytest.mark.parametrize(("slots", "reads"), [(1, 1), (5, 2), (40, 1), (40, 3)])
def test_sdnc(slots, reads, top_k):
    """Long enough for the memory to be filled and rows of links to overflow."""
    arguments = {"access": "sparse", "memory_size": slots, "num_reads": reads, "top_k": top_k}
    machine = build(tapehead.DNC, arguments)
    x = torch.randn(60, BATCH, INPUTS, dtype=torch.float64)
    with torch.no_grad():
        _, final, trace = machine(x, return_trace=True)
        start = machine.initial_state(BATCH)
    for b in range(BATCH):
        expected = sam_numpy.sdnc_initial_state(N=slots, W=machine.word_size, num_reads=reads)
        for name, value in expected.items():
            np.testing.assert_array_equal(getattr(start, name)[b].numpy(), value, err_msg=name)
        now = expected | {name: np.zeros((slots, slots)) for name in ("before", "after")}
        for t in range(len(x)):
            now, details = sam_numpy.sdnc_step(
                trace.interface[t, b].numpy(), now, N=slots, W=machine.word_size, num_reads=reads, K=top_k
            )
            for name, value in details.items():
                found = getattr(trace, name)[t, b].numpy()
                np.testing.assert_allclose(found, value, atol=1e-10, rtol=1e-10, err_msg=f"{name} after {t}")
        for name in ("before", "after"):
            found = [getattr(final, f"{name}_{part}")[b].numpy() for part in ("weights", "slots")]
            np.testing.assert_allclose(sam_numpy.as_matrix(*found), now[name], atol=1e-10, err_msg=name)


@pytest.mark.parametrize("memory_size", [1, 9])
def test_another_memory_size_at_run_time(memory_size):
    check_dnc(build(tapehead.DNC, {}), [2, STEPS], memory_size)
    check_ntm(build(tapehead.NTM, {}), [2, STEPS], memory_size)
    check_sam(build(tapehead.NTM, {"access": "sparse"}), [2, STEPS], memory_size)


@pytest.mark.parametrize(
    ("machine", "access"), [(tapehead.DNC, "dense"), (tapehead.NTM, "dense"), (tapehead.NTM, "sparse")]
)
def test_initial_state(machine, access):
    made = build(machine, {"access": access})
    start = made.initial_state(1)
    if access == "sparse":
        expected = sam_numpy.initial_state(N=5, W=3, num_reads=2)
    elif machine is tapehead.DNC:
        expected = dnc_numpy.initial_state(N=5, W=3, R=2)
    else:
        expected = ntm_numpy.initial_state(N=5, W=3, num_reads=2, num_writes=1)
    for name, value in expected.items():
        np.testing.assert_array_equal(getattr(start, name)[0].numpy(), value, err_msg=name)
