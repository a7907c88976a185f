"""`tapehead.functional` against the NumPy transcriptions: values, gradients, invariants, the meaning."""

import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tapehead import functional
from tests.paper import dnc_numpy, ntm_numpy

TOLERANCE = 1e-10
HALF_STEPS = [0.5e-6, 2.5e-6, 1.5e-6, 0.49e-6, 1e-6, 2e-6]

# What each argument looks like, for one sample: its shape and the kind of numbers in it.
KINDS = {
    "memory": ("N W", "any"),
    "keys": ("H W", "any"),
    "strengths": ("H", "positive"),
    "masks": ("H W", "unit"),
    "content": ("H N", "weighting"),
    "previous": ("H N", "weighting"),
    "gate": ("H", "unit"),
    "weights": ("H N", "weighting"),
    "shifts": ("H S", "weighting"),
    "gamma": ("H", "above one"),
    "erase": ("H W", "unit"),
    "add": ("H W", "any"),
    "free_gates": ("H", "unit"),
    "read_weights": ("H N", "weighting"),
    "usage": ("N", "unit"),
    "write_weights": ("N", "weighting"),
    "retention": ("N", "unit"),
    "slot_content": ("N", "weighting"),
    "allocation": ("N", "weighting"),
    "write_gate": ("", "unit"),
    "allocation_gate": ("", "unit"),
    "link": ("N N", "link"),
    "precedence": ("N", "weighting"),
    "backward": ("H N", "weighting"),
    "forward": ("H N", "weighting"),
    "directional": ("H N", "weighting"),
    "modes": ("H 3", "weighting"),
    "x": ("H N", "any"),
}

# Each function: where its transcription stands and its arguments in order.
FUNCTIONS = {
    "content_weights": (ntm_numpy, ["memory", "keys", "strengths"]),
    "masked_content_weights": (ntm_numpy, ["memory", "keys", "strengths", "masks"]),
    "interpolate": (ntm_numpy, ["content", "previous", "gate"]),
    "shift": (ntm_numpy, ["weights", "shifts"]),
    "sharpen": (ntm_numpy, ["weights", "gamma"]),
    "read": (ntm_numpy, ["memory", "weights"]),
    "erase_and_add": (ntm_numpy, ["memory", "weights", "erase", "add"]),
    "oneplus": (dnc_numpy, ["x"]),
    "retention": (dnc_numpy, ["free_gates", "read_weights"]),
    "update_usage": (dnc_numpy, ["usage", "write_weights", "retention"]),
    "allocation_weights": (dnc_numpy, ["usage"]),
    "mix_write_weights": (dnc_numpy, ["slot_content", "allocation", "write_gate", "allocation_gate"]),
    "update_link": (dnc_numpy, ["link", "precedence", "write_weights"]),
    "update_precedence": (dnc_numpy, ["precedence", "write_weights"]),
    "directional_weights": (dnc_numpy, ["link", "read_weights"]),
    "mix_read_weights": (dnc_numpy, ["backward", "content", "forward", "modes"]),
    "sharpen_links": (dnc_numpy, ["directional", "strengths"]),
}

SIZES = [
    {"N": 1, "W": 1, "H": 1, "S": 1},
    {"N": 1, "W": 3, "H": 2, "S": 5},
    {"N": 2, "W": 5, "H": 1, "S": 7},
    {"N": 5, "W": 3, "H": 2, "S": 3},
    {"N": 3, "W": 1, "H": 4, "S": 9},
    {"N": 11, "W": 7, "H": 3, "S": 5},
]


def constant(value):
    return lambda shape, rng: np.full(shape, value)


def one_hot(shape, rng):
    array = np.zeros(shape)
    for row in array.reshape(-1, shape[-1]):
        row[rng.integers(shape[-1])] = 1.0
    return array


def one_left_over(shape, rng):
    return 1 - one_hot(shape, rng)


def denormal(shape, rng):
    """A weighting whose slots 1, 3, 5, … hold denormal numbers."""
    array = rng.dirichlet(np.ones(shape[-1]), size=shape[:-1])
    array[..., 1::2] *= 1e-310
    return array


def pairs(shape, rng):
    return np.repeat(rng.permutation(shape[-1]) / shape[-1], 2)[: shape[-1]]


def nearly_equal(shape, rng):
    """Falling by 1e-9 from slot to slot: less than the sort's key can tell."""
    return 0.25 - 1e-9 * np.arange(shape[-1])


def falling(shape, rng):
    """Falling by 2e-6 from slot to slot: just enough for the sort's key."""
    return 0.25 - 2e-6 * np.arange(shape[-1])


def half_steps(shape, rng):
    return np.resize(HALF_STEPS, shape)


def equal_rows(shape, rng):
    return np.tile(rng.normal(size=shape[-1]), (shape[0], 1))


zero, one, huge, tiny = constant(0.0), constant(1.0), constant(1e4), constant(1e-200)

# Each case: the function and what takes the place of its random arguments.
ADVERSARIAL = [
    ("content_weights", {"memory": zero}),
    ("content_weights", {"keys": zero}),
    ("content_weights", {"memory": zero, "keys": zero, "strengths": huge}),
    ("content_weights", {"memory": constant(1e-6)}),
    ("content_weights", {"memory": constant(1e-310), "keys": constant(1e-310)}),
    ("content_weights", {"strengths": huge}),
    ("content_weights", {"strengths": huge, "memory": equal_rows}),
    ("content_weights", {"strengths": zero}),
    ("content_weights", {"memory": one_hot, "keys": one_hot, "strengths": huge}),
    ("content_weights", {"memory": constant(1e8), "keys": constant(-1e8)}),
    ("masked_content_weights", {"masks": zero}),
    ("masked_content_weights", {"masks": one}),
    ("masked_content_weights", {"masks": one_hot, "strengths": huge}),
    ("interpolate", {"content": zero, "previous": zero}),
    ("interpolate", {"content": one_hot, "previous": one_hot, "gate": zero}),
    ("interpolate", {"content": one_hot, "gate": one}),
    ("interpolate", {"content": denormal, "previous": denormal}),
    ("shift", {"weights": zero}),
    ("shift", {"weights": one_hot}),
    ("shift", {"weights": one_hot, "shifts": one_hot}),
    ("shift", {"weights": denormal, "shifts": denormal}),
    ("sharpen", {"weights": zero}),
    ("sharpen", {"weights": zero, "gamma": one}),
    ("sharpen", {"weights": zero, "gamma": constant(100.0)}),
    ("sharpen", {"weights": one_hot}),
    ("sharpen", {"weights": one_hot, "gamma": one}),
    ("sharpen", {"weights": one_hot, "gamma": constant(100.0)}),
    ("sharpen", {"weights": one_left_over, "gamma": constant(100.0)}),
    ("sharpen", {"gamma": one}),
    ("sharpen", {"gamma": constant(100.0)}),
    ("sharpen", {"gamma": huge}),
    ("sharpen", {"weights": denormal}),
    ("sharpen", {"weights": denormal, "gamma": one}),
    ("sharpen", {"weights": denormal, "gamma": constant(100.0)}),
    ("sharpen", {"weights": tiny, "gamma": constant(100.0)}),
    ("read", {"weights": zero}),
    ("read", {"weights": one_hot}),
    ("read", {"weights": denormal, "memory": constant(1e-310)}),
    ("erase_and_add", {"weights": zero}),
    ("erase_and_add", {"weights": one_hot, "erase": one}),
    ("erase_and_add", {"weights": denormal, "memory": zero}),
    ("oneplus", {"x": huge}),
    ("oneplus", {"x": constant(-1e4)}),
    ("oneplus", {"x": zero}),
    ("retention", {"free_gates": one, "read_weights": one_hot}),
    ("retention", {"free_gates": one, "read_weights": one}),
    ("retention", {"free_gates": zero}),
    ("retention", {"read_weights": zero}),
    ("retention", {"read_weights": denormal}),
    ("update_usage", {"usage": one, "write_weights": one_hot, "retention": one}),
    ("update_usage", {"usage": zero, "write_weights": zero}),
    ("update_usage", {"retention": zero}),
    ("update_usage", {"usage": denormal, "write_weights": denormal}),
    ("allocation_weights", {"usage": zero}),
    ("allocation_weights", {"usage": one}),
    ("allocation_weights", {"usage": constant(0.5)}),
    ("allocation_weights", {"usage": one_hot}),
    ("allocation_weights", {"usage": one_left_over}),
    ("allocation_weights", {"usage": pairs}),
    ("allocation_weights", {"usage": nearly_equal}),
    ("allocation_weights", {"usage": falling}),
    ("allocation_weights", {"usage": half_steps}),
    ("allocation_weights", {"usage": denormal}),
    ("mix_write_weights", {"write_gate": zero}),
    ("mix_write_weights", {"write_gate": one, "allocation_gate": one, "allocation": one_hot}),
    ("mix_write_weights", {"write_gate": one, "allocation_gate": zero}),
    ("mix_write_weights", {"slot_content": denormal, "allocation": denormal}),
    ("update_link", {"write_weights": zero}),
    ("update_link", {"write_weights": one_hot}),
    ("update_link", {"write_weights": one_hot, "precedence": one_hot}),
    ("update_link", {"link": zero, "precedence": zero, "write_weights": zero}),
    ("update_link", {"write_weights": denormal, "precedence": denormal}),
    ("update_precedence", {"write_weights": zero, "precedence": zero}),
    ("update_precedence", {"write_weights": one_hot, "precedence": one_hot}),
    ("update_precedence", {"write_weights": denormal, "precedence": denormal}),
    ("directional_weights", {"link": zero}),
    ("directional_weights", {"read_weights": zero}),
    ("directional_weights", {"read_weights": one_hot}),
    ("directional_weights", {"read_weights": denormal}),
    ("mix_read_weights", {"modes": one_hot, "content": one_hot}),
    ("mix_read_weights", {"backward": zero, "content": zero, "forward": zero}),
    ("mix_read_weights", {"backward": denormal, "content": denormal, "forward": denormal}),
    ("sharpen_links", {"directional": zero}),
    ("sharpen_links", {"directional": zero, "strengths": huge}),
    ("sharpen_links", {"directional": one_hot, "strengths": huge}),
    ("sharpen_links", {"directional": one_hot, "strengths": one}),
    ("sharpen_links", {"directional": denormal}),
]

# Here the true gradient, gamma / weight, is above the largest float64.
ADVERSARIAL_BUT_FOR_GRADIENTS = [("sharpen", {"weights": constant(1e-310), "gamma": constant(100.0)})]


def random_argument(name, sizes, rng):
    axes, kind = KINDS[name]
    shape = tuple(sizes.get(axis) or int(axis) for axis in axes.split())
    if kind == "any":
        return rng.normal(size=shape)
    if kind == "unit":
        return rng.uniform(0.05, 0.95, size=shape)
    if kind == "positive":
        return rng.uniform(0.5, 10.0, size=shape)
    if kind == "above one":
        return rng.uniform(1.05, 8.0, size=shape)
    # A weighting may sum to less than 1; a link's rows and columns may too, and its diagonal is 0.
    part = rng.dirichlet(np.ones(shape[-1]), size=shape[:-1]) * rng.uniform(0.5, 1.0)
    return part if kind == "weighting" else part / shape[-1] * (1 - np.eye(shape[-1]))


def build(name, sizes, replaced=None, batch=2):
    """The samples of a case: [sample][argument]. The first is adversarial, the others are random."""
    seed = zlib.crc32(repr((name, sorted(sizes.items()), sorted(replaced or ()))).encode())
    rng = np.random.default_rng(seed)
    samples = [[random_argument(a, sizes, rng) for a in FUNCTIONS[name][1]] for _ in range(batch)]
    for argument, make in (replaced or {}).items():
        place = FUNCTIONS[name][1].index(argument)
        samples[0][place] = make(samples[0][place].shape, rng)
    return samples


def tensors(samples, requires_grad=False):
    stacked = (torch.tensor(np.stack(values), dtype=torch.float64) for values in zip(*samples))
    return [tensor.requires_grad_(requires_grad) for tensor in stacked]


def library(name):
    return getattr(functional, name.removeprefix("masked_"))


def as_tuple(value):
    return value if isinstance(value, tuple) else (value,)


def assert_agrees(name, samples):
    transcribed = getattr(FUNCTIONS[name][0], name.removeprefix("masked_"))
    for output, expected in zip(
        as_tuple(library(name)(*tensors(samples))),
        zip(*[as_tuple(transcribed(*sample)) for sample in samples]),
        strict=True,
    ):
        np.testing.assert_allclose(output.numpy(), np.stack(expected), rtol=TOLERANCE, atol=TOLERANCE)


def sizes_id(sizes):
    return "-".join(f"{axis}{size}" for axis, size in sizes.items())


def case_id(case):
    if isinstance(case, str):
        return case
    return "-".join(case) or "random"


every_size = pytest.mark.parametrize("sizes", SIZES, ids=sizes_id)


@every_size
@pytest.mark.parametrize("name", FUNCTIONS)
def test_random_inputs(name, sizes):
    assert_agrees(name, build(name, sizes, batch=3))


@pytest.mark.parametrize(("name", "replaced"), ADVERSARIAL + ADVERSARIAL_BUT_FOR_GRADIENTS, ids=case_id)
def test_adversarial_inputs(name, replaced):
    for sizes in SIZES:
        assert_agrees(name, build(name, sizes, replaced))


@pytest.mark.parametrize(("name", "replaced"), ADVERSARIAL, ids=case_id)
def test_adversarial_gradients_are_finite(name, replaced):
    for sizes in SIZES:
        arguments = tensors(build(name, sizes, replaced), requires_grad=True)
        outputs = as_tuple(library(name)(*arguments))
        generator = torch.Generator().manual_seed(1)
        sum(
            (out * torch.randn(out.shape, generator=generator, dtype=out.dtype)).sum() for out in outputs
        ).backward()
        for argument, label in zip(arguments, FUNCTIONS[name][1]):
            assert argument.grad is not None, label
            assert torch.isfinite(argument.grad).all(), f"{label} {sizes}: {argument.grad}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradcheck(name):
    for sizes in (SIZES[1], SIZES[3], SIZES[4]):
        assert torch.autograd.gradcheck(library(name), tensors(build(name, sizes), requires_grad=True))


@pytest.mark.parametrize(
    "make",
    [zero, one, one_hot, one_left_over, pairs, nearly_equal, falling, denormal],
    ids=lambda make: make.__name__,
)
def test_allocation_gradient_takes_the_order_as_fixed(make):
    """In a fixed order a is linear in each usage, so that a difference quotient is exact, ties or not."""
    for slots in (1, 2, 7):
        usage = make((slots,), np.random.default_rng(slots))
        tensor = torch.tensor(usage)[None]
        jacobian = torch.autograd.functional.jacobian(functional.allocation_weights, tensor)[0, :, 0]
        order = dnc_numpy.free_list(usage)
        for slot in range(slots):
            up, down = usage.copy(), usage.copy()
            up[slot] += 0.5
            down[slot] -= 0.5
            expected = dnc_numpy.allocation_weights(up, order) - dnc_numpy.allocation_weights(down, order)
            np.testing.assert_allclose(jacobian[:, slot].numpy(), expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_allocation_order_is_the_free_list():
    rng = np.random.default_rng(5)
    makers = [zero, one, one_hot, one_left_over, pairs, nearly_equal, falling, half_steps, denormal]
    for slots in (1, 2, 6, 40):
        for make in makers:
            usage = make((slots,), rng)
            order = functional.allocation_order(torch.tensor(usage)[None])
            assert order[0].tolist() == dnc_numpy.free_list(usage)


# The papers' invariants.

paper_settings = settings(deadline=None, max_examples=15, derandomize=True, database=None)
seeds = st.integers(0, 2**31)
scales = st.sampled_from([0.0, 1.0, 10.0, 1e4])


def assert_weighting(weights, label):
    assert torch.isfinite(weights).all(), label
    assert (weights >= 0).all(), label
    assert (weights.sum(-1) <= 1 + 1e-9).all(), label


@paper_settings
@given(seed=seeds, scale=scales, slots=st.integers(1, 6), heads=st.integers(1, 3))
def test_dnc_invariants_over_fifty_steps(seed, scale, slots, heads):
    rng, word = np.random.default_rng(seed), 3
    state = {k: torch.tensor(v)[None] for k, v in dnc_numpy.initial_state(N=slots, W=word, R=heads).items()}
    memory, usage, link, precedence = (state[k] for k in ("memory", "usage", "link", "precedence"))
    write_weights, read_weights = state["write_weights"], state["read_weights"]
    for _ in range(50):
        raw = scale * rng.normal(size=dnc_numpy.interface_size(W=word, R=heads))
        xi = dnc_numpy.split_interface(raw, W=word, R=heads)
        xi = {k: torch.as_tensor(np.asarray(v))[None] for k, v in xi.items() if v is not None}
        psi = functional.retention(xi["free_gates"], read_weights)
        usage = functional.update_usage(usage, write_weights, psi)
        allocation = functional.allocation_weights(usage)
        content = functional.content_weights(memory, xi["write_key"][:, None], xi["write_strength"][:, None])
        write_weights = functional.mix_write_weights(
            content[:, 0], allocation, xi["write_gate"], xi["allocation_gate"]
        )
        memory = functional.erase_and_add(
            memory, write_weights[:, None], xi["erase"][:, None], xi["write_vector"][:, None]
        )
        link = functional.update_link(link, precedence, write_weights)
        precedence = functional.update_precedence(precedence, write_weights)
        forward, backward = functional.directional_weights(link, read_weights)
        content = functional.content_weights(memory, xi["read_keys"], xi["read_strengths"])
        read_weights = functional.mix_read_weights(backward, content, forward, xi["read_modes"])

        assert ((usage >= -1e-9) & (usage <= 1 + 1e-9)).all()
        assert ((psi >= 0) & (psi <= 1)).all()
        torch.testing.assert_close(allocation.sum(-1), 1 - usage.prod(-1), rtol=0, atol=1e-9)
        assert (link >= -1e-9).all()
        assert (link.diagonal(dim1=-2, dim2=-1) == 0).all()
        assert (link.sum(-1) <= 1 + 1e-9).all()
        assert (link.sum(-2) <= 1 + 1e-9).all()
        for label, weights in {
            "allocation": allocation,
            "content": content,
            "write": write_weights,
            "precedence": precedence,
            "forward": forward,
            "backward": backward,
            "read": read_weights,
        }.items():
            assert_weighting(weights.clamp_min(0) if label in ("forward", "backward") else weights, label)
        assert torch.isfinite(functional.read(memory, read_weights)).all()


@paper_settings
@given(seed=seeds, reach=st.integers(0, 3), slots=st.integers(1, 6), gamma=st.sampled_from([1.0, 3.0, 100.0]))
def test_ntm_addressing_keeps_weightings(seed, reach, slots, gamma):
    """Interpolating, shifting and sharpening keep a sum of 1, however often they are repeated."""
    rng = np.random.default_rng(seed)
    weights = torch.tensor(one_hot((1, 2, slots), rng))
    for _ in range(50):
        content = torch.tensor(rng.dirichlet(np.ones(slots), size=(1, 2)))
        gated = functional.interpolate(content, weights, torch.tensor(rng.uniform(size=(1, 2))))
        shifts = torch.tensor(rng.dirichlet(np.ones(2 * reach + 1), size=(1, 2)))
        shifted = functional.shift(gated, shifts)
        weights = functional.sharpen(shifted, torch.full((1, 2), gamma, dtype=torch.float64))
        for stage in (gated, shifted, weights):
            assert_weighting(stage, "stage")
            torch.testing.assert_close(stage.sum(-1), torch.ones_like(stage[..., 0]), rtol=0, atol=1e-9)


@paper_settings
@given(
    seed=seeds, slots=st.integers(1, 7), word=st.integers(1, 4), strength=st.sampled_from([1.0, 50.0, 1e4])
)
def test_permuted_slots_commute_with_content_addressing(seed, slots, word, strength):
    rng = np.random.default_rng(seed)
    memory = torch.tensor(rng.normal(size=(1, slots, word)))
    keys, strengths = torch.tensor(rng.normal(size=(1, 2, word))), torch.full((1, 2), strength).double()
    order = torch.tensor(rng.permutation(slots))
    weights = functional.content_weights(memory, keys, strengths)
    permuted = functional.content_weights(memory[:, order], keys, strengths)
    torch.testing.assert_close(permuted, weights[..., order], rtol=TOLERANCE, atol=TOLERANCE)


@paper_settings
@given(seed=seeds, dtype=st.sampled_from([torch.float32, torch.float64]), slots=st.integers(1, 6))
def test_no_nan_from_zeros_and_large_strengths(seed, dtype, slots):
    rng = np.random.default_rng(seed)
    for memory_scale in (0.0, 1e-6, 1.0):
        for key_scale in (0.0, 1.0):
            for strength in (1.0, 1e4):
                memory = torch.tensor(memory_scale * rng.normal(size=(1, slots, 3)), dtype=dtype)
                keys = torch.tensor(key_scale * rng.normal(size=(1, 2, 3)), dtype=dtype)
                strengths = torch.full((1, 2), strength, dtype=dtype)
                for argument in (memory, keys, strengths):
                    argument.requires_grad_()
                weights = functional.content_weights(memory, keys, strengths)
                torch.testing.assert_close(weights.sum(-1), torch.ones(1, 2, dtype=dtype))
                weights.square().sum().backward()
                for argument in (memory, keys, strengths):
                    assert torch.isfinite(argument.grad).all()


# What the equations are for.


def hot(slots, *places):
    """One-hot weightings, one a head: [1, heads, slots]."""
    return torch.eye(slots, dtype=torch.float64)[list(places)][None]


def test_the_write_goes_to_the_one_free_slot():
    gate = torch.ones(1, dtype=torch.float64)
    content = torch.full((1, 5), 0.2, dtype=torch.float64)
    for free in range(5):
        usage = torch.ones(1, 5, dtype=torch.float64)
        usage[0, free] = 0
        written = functional.mix_write_weights(content, functional.allocation_weights(usage), gate, gate)
        assert torch.equal(written, hot(5, free)[0])


def test_a_full_memory_allocates_nothing():
    assert functional.allocation_weights(torch.ones(1, 5).double()).count_nonzero() == 0


def test_an_empty_memory_allocates_its_first_slot():
    usage = 3e-7 * torch.tensor([[1.0, 0.0, 0.5]]).double()
    assert functional.allocation_weights(usage)[0].argmax() == 0


def test_a_freed_slot_is_free_again():
    free_gates = torch.tensor([[1.0, 0.0]]).double()
    psi = functional.retention(free_gates, hot(4, 2, 1))
    usage = functional.update_usage(torch.ones(1, 4).double(), torch.zeros(1, 4).double(), psi)
    assert usage.tolist() == [[1.0, 1.0, 0.0, 1.0]]


def test_a_written_slot_is_used():
    none = torch.zeros(1, 4).double()
    assert torch.equal(functional.update_usage(none, hot(4, 3)[:, 0], none + 1), hot(4, 3)[:, 0])


def test_a_key_finds_its_row():
    memory = torch.tensor(np.random.default_rng(0).normal(size=(1, 6, 8)))
    rows = [4, 0, 5]
    weights = functional.content_weights(memory, 3 * memory[:, rows], torch.full((1, 3), 100.0).double())
    assert weights[0].argmax(-1).tolist() == rows
    torch.testing.assert_close(functional.read(memory, weights), memory[:, rows], rtol=0, atol=1e-3)


def test_a_mask_hides_what_differs():
    """Two rows agree with the key where the mask looks, and share the weight though elsewhere they differ."""
    memory = torch.tensor([[[1.0, 0.0, 9.0], [1.0, 0.0, -9.0], [0.0, 1.0, 0.0]]]).double()
    key, mask = torch.tensor([[[1.0, 0.0, 9.0]]]).double(), torch.tensor([[[1.0, 1.0, 0.0]]]).double()
    weights = functional.content_weights(memory, key, torch.full((1, 1), 100.0).double(), mask)
    torch.testing.assert_close(weights[0, 0], torch.tensor([0.5, 0.5, 0.0]).double())


def test_reading_follows_the_order_of_writing():
    a, b, c = 3, 0, 4
    link, precedence = torch.zeros(1, 5, 5).double(), torch.zeros(1, 5).double()
    for slot in (a, b, c):
        written = hot(5, slot)[:, 0]
        link = functional.update_link(link, precedence, written)
        precedence = functional.update_precedence(precedence, written)
    forward, backward = functional.directional_weights(link, hot(5, a, b, c))
    nowhere = torch.zeros(1, 5).double()
    assert torch.equal(forward[0], torch.cat([hot(5, b, c)[0], nowhere]))
    assert torch.equal(backward[0], torch.cat([nowhere, hot(5, a, b)[0]]))
    assert torch.equal(precedence, hot(5, c)[:, 0])


def test_read_modes_are_backward_content_forward():
    backward, content, forward = hot(3, 0, 0, 0), hot(3, 1, 1, 1), hot(3, 2, 2, 2)
    read = functional.mix_read_weights(backward, content, forward, torch.eye(3).double()[None])
    assert torch.equal(read, hot(3, 0, 1, 2))


def test_a_shift_moves_the_focus_and_wraps():
    up, stay, down = torch.eye(3).double().flip(0)
    for direction, places in ((up, [1, 2, 3, 0]), (stay, [0, 1, 2, 3]), (down, [3, 0, 1, 2])):
        moved = functional.shift(hot(4, 0, 1, 2, 3), direction.expand(1, 4, 3))
        assert moved[0].argmax(-1).tolist() == places
        assert moved.sum() == 4


def test_the_gate_chooses_between_content_and_the_last_focus():
    gate = torch.tensor([[1.0, 0.0]]).double()
    assert torch.equal(functional.interpolate(hot(4, 1, 1), hot(4, 3, 3), gate), hot(4, 1, 3))


def test_sharpening_narrows_the_focus():
    weights = torch.tensor([[[0.2, 0.5, 0.3]]]).double()
    assert torch.allclose(functional.sharpen(weights, torch.ones(1, 1).double()), weights)
    assert functional.sharpen(weights, torch.full((1, 1), 100.0).double())[0, 0, 1] > 1 - 1e-9


def test_all_erases_come_before_all_adds():
    """Two heads on one slot: what either adds stays, though the other erases."""
    one = torch.ones(1, 2, 3).double()
    add = torch.tensor([[[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]]).double()
    memory = functional.erase_and_add(torch.full((1, 4, 3), 7.0).double(), hot(4, 2, 2), one, add)
    assert memory[0].tolist() == [[7.0] * 3, [7.0] * 3, [11.0, 22.0, 33.0], [7.0] * 3]


def test_sharpening_links_keeps_the_strong_one_and_makes_nothing_uniform():
    weights = torch.tensor([[[0.6, 0.2, 0.1], [0.0, 0.0, 0.0]]]).double()
    sharp = functional.sharpen_links(weights, torch.full((1, 2), 50.0).double())
    assert sharp[0, 0, 0] > 1 - 1e-9
    torch.testing.assert_close(sharp[0, 1], torch.full((3,), 1 / 3).double())
