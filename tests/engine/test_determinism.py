"""The same bits whatever the threads, the neighbours in the batch, and what ran before."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tapehead import DNC, NTM
from tapehead.engine.native import ops, plans, workspace
from tapehead.nn import DeepLSTM
from tests.engine.agreement import Results, assert_same_bits, everything, poisoned, random_state, threads
from tests.engine.operators import kernel_results, leaves, recorded_operators

MACHINES: dict[str, Callable[[], Any]] = {
    "dnc": lambda: DNC(
        5,
        33,
        output_size=4,
        memory_size=19,
        word_size=7,
        num_reads=3,
        num_layers=2,
        link_sharpening=True,
        interface_norm=True,
    ),
    "dnc, 128 slots": lambda: DNC(9, 100, output_size=8, memory_size=128, word_size=20, num_reads=4),
    "ntm": lambda: NTM(5, 31, output_size=4, memory_size=21, word_size=6, num_reads=2, num_writes=2),
    "sparse dnc": lambda: DNC(
        5, 31, output_size=4, memory_size=40, word_size=7, num_reads=3, access="sparse", top_k=5
    ),
    "deep lstm": lambda: DeepLSTM(5, 37, output_size=4),
}
EACH = pytest.mark.parametrize("name", MACHINES)
DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])


def _ready(name: str, dtype: torch.dtype, batch_size: int = 7) -> tuple[Any, torch.Tensor, Any]:
    machine = MACHINES[name]().to(dtype)
    x = torch.randn(11, batch_size, machine.input_size, dtype=dtype)
    return machine, x, random_state(machine, batch_size)


@DTYPES
@EACH
def test_two_threads_change_no_bit(name: str, dtype: torch.dtype) -> None:
    machine, x, state = _ready(name, dtype)
    for lengths in (None, [11, 3, 7, 11, 1, 9, 2]):
        one = everything(machine, "native", x, state, lengths=lengths)
        with threads(2):
            assert_same_bits(one, everything(machine, "native", x, state, lengths=lengths))


@DTYPES
@EACH
def test_many_threads_change_no_bit_of_the_kernel(name: str, dtype: torch.dtype) -> None:
    machine, x, state = _ready(name, dtype)
    results = []
    for count in (1, 2, 3, 5, 16):
        with threads(count), recorded_operators() as calls:
            machine.backend = "native"
            machine(x, state, lengths=[11, 3, 7, 11, 1, 9, 2])
            results.append(kernel_results(*calls))
    for result in results[1:]:
        assert_same_bits(results[0], result)


@EACH
def test_again_gives_the_same_bits(name: str) -> None:
    machine, x, state = _ready(name, torch.float32)
    first = everything(machine, "native", x, state)
    # Buffers come back dirty from other calls, of other sizes too.
    everything(machine, "native", torch.randn(23, 5, machine.input_size))
    for _ in range(3):
        assert_same_bits(first, everything(machine, "native", x, state))
    with poisoned():
        assert_same_bits(first, everything(machine, "native", x, state))


@EACH
def test_a_batch_is_its_sequences(name: str) -> None:
    machine, x, state = _ready(name, torch.float32)
    with recorded_operators() as calls:
        machine.backend = "native"
        machine(x, state)
    x, lengths, weights, state, config, numbers = leaves(calls[0])
    outputs, features, words, *final, _ = ops._forward(x, lengths, weights, state, config, numbers)
    for b in range(x.shape[1]):
        alone = [tensor[b : b + 1] for tensor in state]
        one = ops._forward(x[:, b : b + 1], lengths, weights, alone, config, numbers)
        for mine, whole in zip(one, (outputs, features, words), strict=False):
            assert torch.equal(mine, whole[:, b : b + 1])
        assert all(torch.equal(mine, whole[b : b + 1]) for mine, whole in zip(one[3:-1], final, strict=True))


def test_python_threads_at_once() -> None:
    calls = [_ready(name, torch.float32) for name in ("dnc", "ntm", "deep lstm") for _ in range(2)]
    expected = [everything(machine, "native", x, state) for machine, x, state in calls]
    found: list[Results] = [{} for _ in calls]

    def run(i: int) -> None:
        for _ in range(5):
            found[i] = everything(calls[i][0], "native", *calls[i][1:])

    workers = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for one, other in zip(expected, found):
        assert_same_bits(one, other)


def test_buffers_come_back() -> None:
    tensor = workspace.take(10**6, torch.float32)
    address = tensor.data_ptr()
    part = tensor[5:10]
    del tensor
    other = workspace.take(10**6, torch.float32)
    assert other.data_ptr() != address, "a buffer was given out while a view of it lived"
    del part
    assert workspace.take(10**6, torch.float32).data_ptr() == address


def test_buffers_are_aligned_and_large_enough() -> None:
    for elements in (0, 1, 1023, 4096, 70_001, 1_000_003):
        for dtype in (torch.float32, torch.float64):
            tensor = workspace.take(elements, dtype)
            assert (tensor.dtype, tensor.numel()) == (dtype, elements)
            assert tensor.data_ptr() % workspace.ALIGNMENT == 0
            tensor.fill_(1)


def test_idle_buffers_are_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(workspace, "_idle", [])
    monkeypatch.setattr(workspace, "MAX_IDLE_BYTES", 10_000_000)
    held = [workspace.take(500_000, torch.float32) for _ in range(8)]
    held.clear()
    assert 0 < sum(block.size for block in workspace._idle) <= 10_000_000


def test_a_buffer_may_come_back_while_another_is_sought() -> None:
    tensor = workspace.take(10**6, torch.float32)

    def let_go() -> None:
        nonlocal tensor
        with workspace._lock:  # As when the garbage collector runs in the midst of take().
            tensor = torch.empty(0)

    worker = threading.Thread(target=let_go, daemon=True)
    worker.start()
    worker.join(20)
    assert not worker.is_alive(), "the lock was waited for by the thread that held it"


def test_little_work_is_not_shared() -> None:
    """A step of a few sequences is over before a second thread has begun."""
    machine = DNC(3, 4, output_size=2, memory_size=5, word_size=6)
    spec = machine.kernel_spec()
    assert not isinstance(spec, str)
    config, numbers = ops.KernelConfig.of(spec, None), plans.numbers_of(spec)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        shapes = ((1, 8), (1, 15), (1, 16), (8, 4), (300, 1))
        found = [plans.plan_for(torch.zeros(*shape, 3), config, numbers).threads for shape in shapes]
    finally:
        torch.set_num_threads(before)
    assert found == [1, 1, 2, 4, 4]
