"""What the native engine refuses, instead of reading or writing beyond an end; and what it leaves alone."""

import ctypes
import math
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tapehead import DNC, NTM
from tapehead import functional as F
from tapehead.engine import EngineError
from tapehead.engine.native import build, loader, ops, plans, workspace
from tapehead.engine.spec import CallSizes, KernelConfig
from tapehead.nn import DeepLSTM
from tapehead.nn.interface import DNCInterface, HeadInterface, SparseInterface
from tests.engine.agreement import assert_same_bits, random_state
from tests.engine.operators import Arguments, backward_arguments, leaves, recorded_operators
from tests.engine.test_native import CASES, _machine, _x

SIZES = {"output_size": 4, "memory_size": 9, "word_size": 6}
MACHINES: dict[str, Callable[[], Any]] = {
    "dnc": lambda: DNC(5, 7, **SIZES, num_reads=2, num_layers=2, interface_norm=True),
    "dnc, no links": lambda: DNC(5, 7, **SIZES, num_reads=2, temporal_links=False),
    "ntm": lambda: NTM(5, 7, **SIZES, num_reads=2, num_writes=2),
    "ntm, feed-forward": lambda: NTM(5, 7, **SIZES, controller="feedforward"),
    "sparse dnc": lambda: DNC(5, 7, **SIZES, num_reads=2, access="sparse", top_k=3),
    "deep lstm": lambda: DeepLSTM(5, 7, output_size=4),
}
EACH = pytest.mark.parametrize("name", MACHINES)


def _call(name: str, *, given_state: bool = True) -> Arguments:
    """The kernel's arguments of a call of 3 steps and 2 sequences."""
    machine = MACHINES[name]()
    machine.backend = "native"
    with recorded_operators() as calls:
        machine(torch.randn(3, 2, 5), random_state(machine, 2) if given_state else None)
    return leaves(calls[0])


def _others(tensor: torch.Tensor) -> list[torch.Tensor]:
    """Tensors that are too small or too large in one axis, or have one too few or too many."""
    found = [torch.zeros(()), tensor.unsqueeze(0), tensor.flatten().unsqueeze(1)]
    for axis in range(tensor.dim()):
        found += [tensor.narrow(axis, 0, tensor.shape[axis] - 1), torch.cat([tensor, tensor], axis)]
    return [other.contiguous() for other in found]


@EACH
def test_a_weight_or_state_of_another_shape_is_named(name: str) -> None:
    x, lengths, weights, state, config, numbers = _call(name)
    output = ops._forward(x, lengths, weights, state, config, numbers)
    backward = backward_arguments((x, lengths, weights, state, config, numbers), output)
    plan = plans.plan_for(x, config, numbers)
    tensors = [*weights, *state]
    assert len(plan.names) == len(tensors)
    for i, (tensor, field) in enumerate(zip(tensors, plan.names)):
        for other in _others(tensor):
            changed = [*tensors[:i], other, *tensors[i + 1 :]]
            parts = changed[: len(weights)], changed[len(weights) :]
            with pytest.raises(EngineError) as raised:
                ops._forward(x, lengths, *parts, config, numbers)
            assert f"{field} has shape {list(other.shape)}, but {list(tensor.shape)}" in str(raised.value)
            with pytest.raises(EngineError, match="is needed here"):
                ops._backward(*backward[:4], *parts, *backward[6:])
    with pytest.raises(EngineError, match=f"there are {len(tensors) - 1} weights and states"):
        ops._forward(x, lengths, weights, state[:-1], config, numbers)


@EACH
def test_what_the_backward_pass_gets_is_checked(name: str) -> None:
    arguments = _call(name)
    good = backward_arguments(arguments, ops._forward(*arguments))
    for place in (6, 7, 8):
        bad = [*good[:place], good[place].flatten()[1:], *good[place + 1 :]]
        with pytest.raises(EngineError, match="is needed here"):
            ops._backward(*bad)
    for i, gradient in enumerate(good[0]):
        for other in (gradient.flatten()[1:], gradient.double()):
            with pytest.raises(EngineError, match=r"a gradient is torch.float.*is needed here"):
                ops._backward([*good[0][:i], other, *good[0][i + 1 :]], *good[1:])


@pytest.mark.parametrize("name", ["dnc", "dnc, no links", "ntm", "sparse dnc"])
def test_an_interface_of_another_size(name: str) -> None:
    """As if every check above the kernel had let it through."""
    machine = MACHINES[name]()
    rows, spec = machine.interface.out_features, machine.kernel_spec()
    interface = tuple(tensor[:3] for tensor in spec.interface)
    norm = tuple(tensor[:3] for tensor in spec.interface_norm)
    spec = spec._replace(interface=interface, interface_norm=norm)
    config = KernelConfig.of(spec, None)
    with pytest.raises(EngineError, match=f"interface.weight has 3 rows, but {rows} are needed"):
        ops._forward(torch.zeros(3, 2, 5), None, plans.weights_of(spec), [], config, plans.numbers_of(spec))


def test_another_dtype() -> None:
    x, lengths, weights, state, config, numbers = _call("dnc")
    with pytest.raises(EngineError, match=r"is torch.float64, but x is torch.float32"):
        ops._forward(x, lengths, [*weights[:-1], weights[-1].double()], state, config, numbers)


@pytest.mark.parametrize(
    ("lengths", "reason"),
    [
        (torch.tensor([3, 0]), "a length is not within 1"),
        (torch.tensor([4, 3]), "a length is not within 1"),
        (torch.tensor([-(1 << 60), 3]), "a length is not within 1"),
        (torch.tensor([3]), r"shape \[1\], but it has to be torch.int64 of shape \[2\]"),
        (torch.tensor([3, 3], dtype=torch.int32), "lengths is torch.int32"),
    ],
)
def test_lengths(lengths: torch.Tensor, reason: str) -> None:
    x, _, *rest = _call("ntm")
    with pytest.raises(EngineError, match=reason):
        ops._forward(x, lengths, *rest)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": 7}, "kind of memory"),
        ({"num_layers": 17}, "a size is out of range"),
        ({"num_layers": 0}, "a size is out of range"),
        ({"memory_size": (1 << 24) + 1}, "a size is out of range"),
        ({"memory_size": -1}, "a size is out of range"),
        ({"word_size": 0}, "a size is out of range"),
        ({"hidden_size": -3}, "a size is out of range"),
        ({"interface_size": 3}, "has 3 rows"),
    ],
)
def test_every_code_is_looked_at(change: dict[str, int], reason: str) -> None:
    x, lengths, weights, state, config, numbers = _call("dnc")
    with pytest.raises(EngineError, match=reason):
        ops._forward(x, lengths, weights, state, KernelConfig(*config)._replace(**change), numbers)


def test_a_clipping_that_there_is_not() -> None:
    with pytest.raises(EngineError, match="a size is out of range"):
        loader.call_library(
            "adam_float32",
            (ctypes.c_int64 * 2)(3, 0),
            (ctypes.c_double * 6)(),
            (ctypes.c_void_p * 1)(),
            ctypes.byref(ctypes.c_double()),
        )


def test_more_memory_than_there_is() -> None:
    for size in (1 << 60, 1 << 63):
        with pytest.raises(EngineError, match="which the system does not give: use fewer steps"):
            workspace.borrow(size)


@EACH
def test_a_batch_of_no_sequences(name: str) -> None:
    x, lengths, weights, state, config, numbers = _call(name)
    nothing = (x[:, :0], lengths, weights, [tensor[:0] for tensor in state], config, numbers)
    output = ops._forward(*nothing)
    assert all(0 in tensor.shape[:2] for tensor in output[:-1])
    gradients = ops._backward(*backward_arguments(nothing, output))
    for gradient, tensor in zip(gradients, [nothing[0], *weights, *nothing[3]], strict=True):
        assert torch.equal(gradient, torch.zeros_like(tensor))


# ---- names


def _library() -> ctypes.CDLL:
    assert loader.why_unavailable() is None
    assert loader._library is not None
    return loader._library


def _names(function: str) -> list[str]:
    return getattr(_library(), f"tapehead_{function}")().decode().split()


def test_sizes_have_the_same_names_in_python_and_in_cpp() -> None:
    assert _names("size_names") == [*CallSizes._fields, *KernelConfig._fields]


def _field_sizes(machine: Any, kind: str) -> dict[str, int]:
    config = KernelConfig.of(machine.kernel_spec(), None)
    call = CallSizes(steps=1, batch_size=1, input_size=1, threads=1, keep_tape=1)
    names = _names(f"{kind}_field_names")
    out = (ctypes.c_int64 * len(names))()
    sizes = (*call, *config)
    getattr(_library(), f"tapehead_{kind}_field_sizes")((ctypes.c_int64 * len(sizes))(*sizes), out)
    return dict(zip(names, out))


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize("sharpening", [True, False])
def test_fields_of_the_dncs_interface(links: bool, masks: bool, sharpening: bool) -> None:
    switches = {
        "temporal_links": links,
        "masked_lookup": masks,
        "link_sharpening": links and sharpening,
    }
    found = _field_sizes(DNC(5, 7, **SIZES, num_reads=3, **switches), "dnc")
    assert list(found) == list(DNCInterface._fields)
    present = {name: size for name, size in found.items() if size}
    assert present == _sizes(DNCInterface.shapes(3, 6, **switches))


@pytest.mark.parametrize("write_gate", [True, False])
def test_fields_of_an_ntm_head(write_gate: bool) -> None:
    machine = NTM(5, 7, **SIZES, num_reads=2, num_writes=3, max_shift=2, write_gate=write_gate)
    found = _field_sizes(machine, "ntm")
    assert list(found) == list(HeadInterface._fields)
    present = {name: size for name, size in found.items() if size}
    assert present == _sizes(HeadInterface.shapes(6, 2, writes=True, write_gate=write_gate))
    read = list(_sizes(HeadInterface.shapes(6, 2, writes=False, write_gate=write_gate)).items())
    assert read == list(found.items())[: len(read)]


def test_fields_of_the_sparse_interface() -> None:
    machine = NTM(5, 7, **SIZES, num_reads=2, num_writes=3, access="sparse")
    found = _field_sizes(machine, "sparse")
    assert list(found) == list(SparseInterface._fields)
    assert _sizes(SparseInterface.shapes(2, 3, 6)) == {name: size for name, size in found.items() if size}


@pytest.mark.parametrize("links", [True, False])
def test_fields_of_the_interface_of_a_sparse_dnc(links: bool) -> None:
    found = _field_sizes(DNC(5, 7, **SIZES, num_reads=3, access="sparse", temporal_links=links), "sparse")
    present = {name: size for name, size in found.items() if size}
    assert present == _sizes(SparseInterface.shapes(3, 1, 6, temporal_links=links))


def test_another_number_of_links_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's rows of links have a fixed length, that of ``MAX_LINKS``."""
    monkeypatch.setattr(F, "MAX_LINKS", 4)
    machine = DNC(5, 7, **SIZES, access="sparse", backend="native")
    with pytest.raises(EngineError, match="a size is out of range"):
        machine(torch.zeros(3, 2, 5))


def _sizes(shapes: dict[str, tuple[int, ...]]) -> dict[str, int]:
    return {name: math.prod(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("name", CASES)
def test_weights_have_the_names_of_the_machines(name: str) -> None:
    machine = CASES[name]()
    spec = machine.kernel_spec()
    shapes = KernelConfig.of(spec, None).weight_shapes(5)
    assert tuple(shapes) == spec.weight_names
    assert set(shapes) <= dict(machine.named_parameters()).keys()


# ---- no tape


@pytest.mark.parametrize("lengths", [None, [7, 2, 1]], ids=["", "lengths"])
@pytest.mark.parametrize("case", CASES)
def test_the_same_without_a_tape(case: str, lengths: list[int] | None) -> None:
    for dtype in (torch.float32, torch.float64):
        machine = _machine(CASES[case], dtype)
        machine.backend = "native"
        for state in (None, random_state(machine, 3)):
            with recorded_operators() as calls:
                machine(_x(machine, 7, 3, dtype), state, lengths=lengths)
            arguments = leaves(calls[0])
            *kept, tape = ops._forward(*arguments)
            found = ops._forward_without_tape(*arguments)
            short = plans.plan_for(arguments[0], *arguments[-2:], keep_tape=False)
            if kept[0].numel():  # The machine needs neither features nor words.
                kept[1:3] = found[1:3] = []
            assert short.tape < tape.numel()
            named = [dict(zip(map(str, range(99)), tensors)) for tensors in (kept, found)]
            assert_same_bits(*named)


@EACH
def test_the_tape_is_as_long_as_the_run_or_two_steps(name: str) -> None:
    x, _, _, _, config, numbers = _call(name)
    planned = {
        keep: [
            plans.plan_for(x.new_zeros(steps, 2, 5), config, numbers, keep_tape=keep) for steps in (9, 900)
        ]
        for keep in (True, False)
    }
    assert planned[True][0].tape * 20 < planned[True][1].tape
    short, long = planned[False]
    assert short.tape == long.tape < planned[True][0].tape
    assert short.forward_scratch == long.forward_scratch
    with pytest.raises(EngineError, match="the native engine could not do backward"):
        loader.call_library("backward_float32", short.sizes, short.numbers, (ctypes.c_void_p * 99)())


# ---- buffers


def test_idle_buffers_go_back() -> None:
    held = workspace.take(10**6, torch.float32)
    del held
    assert workspace._idle
    held = workspace.take(10**5, torch.float32).fill_(3)
    workspace.clear()
    assert not workspace._idle
    assert (held == 3).all(), "a buffer in use went, too"


# ---- pieces of the C++, on their own

PROBE = r"""
#include "codes.h"
#include "dnc.h"
#include "parallel.h"
#include "usage.h"
#include <stdexcept>
using namespace tapehead;

template <class F> void order(const F* x, int64_t n, int64_t* out) {
  std::vector<SortKey<F>> keys;
  for (int64_t i = 0; i < n; i++) keys.push_back(sort_key(x[i], i));
  std::sort(keys.begin(), keys.end());
  for (int64_t i = 0; i < n; i++) out[i] = int64_t(keys[i] & (kMaxSlots - 1));
}
extern "C" void order_float32(const float* x, int64_t n, int64_t* out) { order(x, n, out); }
extern "C" void order_float64(const double* x, int64_t n, int64_t* out) { order(x, n, out); }

// 1 for each part that ran in `done`; part `bad` throws.
extern "C" int parts(int started, int64_t count, int64_t bad, int memory, int64_t* done) {
  auto work = [&](Index c) {
    if (c == bad && memory) throw std::bad_alloc();
    if (c == bad) throw std::runtime_error("planted");
    done[c]++;
  };
  return guarded([&] {
    if (started) on_new_threads(count, work);
    else in_parallel(count, work);
    return int(kDone);
  });
}
extern "C" const char* words(int code) { return sentence(code); }

// C + A · Bᵀ [rows, padded J] of B as it is and packed.
extern "C" int64_t lanes() { return kLanes<float>; }
extern "C" void products(const float* A, int64_t rows, int64_t K, const float* B, int64_t J, float* plain,
                         float* packed) {
  std::vector<float> room(packed_size<float>(K, J));
  product_unpacked(A, rows, K, B, K, J, plain, padded<float>(J));
  product<float, true>(A, rows, K, pack(B, 1, K, K, J, room.data()), K, J, packed, padded<float>(J));
}

static Ages<float, 8> ages;  // of eight entries, which are soon used up
extern "C" void ages_begin(const float* times, int64_t slots, int fresh) {
  ages.begin(times, slots, fresh != 0);
}
extern "C" int64_t ages_take() { return ages.take(); }
extern "C" void ages_put(int64_t slot) { ages.put(slot); }
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("probe")
    (folder / "probe.cpp").write_text(PROBE)
    command = [*build.find_compiler(), "-std=c++17", "-shared", "-fPIC", "-pthread", "-fopenmp"]
    command += [f"-I{build.SOURCES}", str(folder / "probe.cpp"), "-o", str(folder / "probe.so")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{shlex.join(command)}\n{ran.stderr}"
    library = ctypes.CDLL(str(Path(folder / "probe.so")))
    library.words.restype = ctypes.c_char_p
    return library


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_free_list_is_that_of_a_stable_sort(probe: ctypes.CDLL, dtype: torch.dtype) -> None:
    """Ties, both zeros, negative numbers, infinities and NaN included, as torch.sort has them."""
    largest = torch.finfo(dtype).max
    special = [0.0, -0.0, 1.0, -1.0, 5e11, -5e11, largest, -largest, float("inf"), -float("inf")]
    special += [float("nan"), -float("nan"), torch.finfo(dtype).tiny, -torch.finfo(dtype).tiny]
    generator = torch.Generator().manual_seed(0)
    for seed in range(20):
        x = torch.cat(
            [
                torch.tensor(special, dtype=dtype).repeat(3),
                torch.randn(50, generator=generator, dtype=dtype) * 10.0**seed,
                torch.randint(-3, 3, (50,), generator=generator).to(dtype),
            ]
        )
        x = x[torch.randperm(len(x), generator=generator)].contiguous()
        found = np.zeros(len(x), dtype=np.int64)
        name = f"order_{str(dtype).removeprefix('torch.')}"
        out = ctypes.c_void_p(found.ctypes.data)
        getattr(probe, name)(ctypes.c_void_p(x.data_ptr()), ctypes.c_int64(len(x)), out)
        assert torch.equal(torch.from_numpy(found), torch.argsort(x, stable=True))


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
@pytest.mark.parametrize("K", [1, 3, 4, 5, 16, 39])
def test_a_product_is_the_same_packed_or_not(probe: ctypes.CDLL, rows: int, K: int) -> None:
    rng = np.random.default_rng(K)
    probe.lanes.restype = ctypes.c_int64
    for J in (1, 3, 8, 29, 32, 75):
        A, B = (rng.standard_normal((size, K)).astype(np.float32) for size in (rows, J))
        start = np.zeros((rows, -(-J // probe.lanes()) * probe.lanes()), dtype=np.float32)
        start[:, :J] = rng.standard_normal((rows, J))
        plain, packed = start.copy(), start.copy()
        a, b, c, d = (ctypes.c_void_p(array.ctypes.data) for array in (A, B, plain, packed))
        probe.products(a, ctypes.c_int64(rows), ctypes.c_int64(K), b, ctypes.c_int64(J), c, d)
        assert (plain == packed).all()
        np.testing.assert_allclose(plain[:, :J], start[:, :J] + A @ B.T, rtol=1e-5, atol=1e-5)
        assert not plain[:, J:].any()


@pytest.mark.parametrize("written", [0, 5, 40])
@pytest.mark.parametrize("heads", [1, 3])
def test_the_slot_taken_is_the_one_not_accessed_for_longest(
    probe: ctypes.CDLL, written: int, heads: int
) -> None:
    """With ties, with slots never written, and with slots taken that are then not accessed."""
    rng, slots = np.random.default_rng(written + heads), 40
    probe.ages_take.restype = ctypes.c_int64
    times = np.zeros(slots, dtype=np.float32)
    times[rng.permutation(slots)[:written]] = rng.integers(1, 5, written)
    probe.ages_begin(ctypes.c_void_p(times.ctypes.data), ctypes.c_int64(slots), int(written == 0))
    for _ in range(400):
        taken: list[int] = []
        for _ in range(heads):
            taken.append(probe.ages_take())
            _, oldest = min((times[n], n) for n in range(slots) if n not in taken[:-1])
            assert taken[-1] == oldest
        times[taken] = np.maximum(times[taken], 1)
        found = int(rng.integers(slots))
        if times[found] == 0:
            times[found] = 1
            probe.ages_put(ctypes.c_int64(found))
        accessed = rng.integers(slots, size=2).tolist() + [n for n in taken if rng.random() < 0.7]
        times[[n for n in accessed if times[n] > 0]] = times.max() + 1
        for slot in taken:
            probe.ages_put(ctypes.c_int64(slot))


@pytest.mark.parametrize("started", [True, False], ids=["new threads", "OpenMP"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_no_exception_leaves_a_thread(probe: ctypes.CDLL, started: bool, count: int) -> None:
    def run(bad: int, memory: bool) -> tuple[str, list[int]]:
        done = (ctypes.c_int64 * count)()
        code = probe.parts(int(started), ctypes.c_int64(count), ctypes.c_int64(bad), int(memory), done)
        return probe.words(code).decode(), list(done)

    assert run(-1, False) == ("nothing went wrong", [1] * count)
    for bad in range(count):
        others = [int(c != bad) for c in range(count)]
        assert run(bad, True) == ("the system has no more memory", others)
        assert run(bad, False) == ("the kernel failed for a reason it does not know", others)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_usages_that_are_no_usages(dtype: torch.dtype) -> None:
    """A state that diverged: what is finite is as on the reference, and so is where there is NaN."""
    machine = DNC(5, 7, **SIZES, num_reads=2).to(dtype)
    state = random_state(machine, 2)
    nan, inf = float("nan"), float("inf")
    usages = {
        "negative": [-0.3, 0.2, -1e-9, 0.0, -0.0, 0.9, -0.3, 0.2, 0.5],
        "large": [1e3, 0.2, 0.1, -2.0, 0.4, 1e3, 0.3, 7e5, 0.5],
        "not finite": [nan, 0.2, inf, -inf, 0.4, nan, 0.3, inf, 0.5],
    }
    for usage in usages.values():
        given = state._replace(usage=torch.tensor(usage, dtype=dtype).expand(2, 9).contiguous())
        x = torch.randn(1, 2, 5, dtype=dtype)
        found = {}
        for backend in ("reference", "native"):
            machine.backend = backend
            y, final = machine(x, given)
            found[backend] = [y, final.usage, final.write_weights, final.memory]
        for one, other in zip(found["reference"], found["native"], strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5, equal_nan=True)
