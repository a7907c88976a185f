"""The Neural Turing Machine (Graves, Wayne, Danihelka 2014, arXiv:1410.5401) in plain NumPy loops, float64.

Written from the paper's equations, for one sample at a time, to be read beside them; nothing here is fast and
nothing here looks at the library. The numbers in the docstrings are the paper's. N slots, W word, H heads.

What the paper leaves open is fixed as the library documents it: cosine with 1e-6 under the root, keys and add
vectors tanh, erase vectors and gates sigmoid, strengths softplus, shifts softmax, gamma = 1 + softplus.
"""

import math

import numpy as np

EPSILON = 1e-6
MEMORY_START = 1e-6


def sigmoid(x):
    """1 / (1 + e^-x), without overflow."""
    x = np.asarray(x, dtype=np.float64)
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def softplus(x):
    """log(1 + e^x), without overflow."""
    return np.logaddexp(0.0, np.asarray(x, dtype=np.float64))


def softmax(scores):
    """e^x_i / Σ_j e^x_j; the largest is subtracted first, which only keeps it from overflowing."""
    largest = max(scores)
    powers = [math.exp(score - largest) for score in scores]
    total = sum(powers)
    return np.array([power / total for power in powers])


def cosine(u, v):
    """Eq. 6, smooth at zero: u·v / sqrt((|u|² + ε)(|v|² + ε))."""
    dot = sum(a * b for a, b in zip(u, v))
    norm_u = sum(a * a for a in u)
    norm_v = sum(b * b for b in v)
    return dot / math.sqrt((norm_u + EPSILON) * (norm_v + EPSILON))


def content_weights(memory, keys, strengths, masks=None):
    """Eq. 5: w^c(i) = softmax_i(β K[k, M(i)]). memory [N,W], keys [H,W], strengths [H] -> [H,N].

    masks [H,W]: both the key and the rows are multiplied by the head's mask (Csordás & Schmidhuber 2019).
    """
    heads, slots = len(keys), len(memory)
    weights = np.zeros((heads, slots))
    for h in range(heads):
        mask = np.ones(memory.shape[1]) if masks is None else masks[h]
        weights[h] = softmax([strengths[h] * cosine(keys[h] * mask, memory[i] * mask) for i in range(slots)])
    return weights


def interpolate(content, previous, gate):
    """Eq. 7: w^g = g w^c + (1 − g) w_{t−1}. content, previous [H,N], gate [H] -> [H,N]."""
    mixed = np.zeros_like(content)
    for h in range(len(content)):
        for i in range(content.shape[1]):
            mixed[h, i] = gate[h] * content[h, i] + (1 - gate[h]) * previous[h, i]
    return mixed


def shift(weights, shifts):
    """Eq. 8: w~(i) = Σ_j w^g(j) s(i − j), indices mod N. weights [H,N], shifts [H,S] -> [H,N].

    s(offset) is given for the offsets −(S−1)/2 … (S−1)/2; a shift wider than N wraps as often as it must.
    """
    heads, slots = weights.shape
    reach = (shifts.shape[1] - 1) // 2
    moved = np.zeros_like(weights)
    for h in range(heads):
        for j in range(slots):
            for offset in range(-reach, reach + 1):
                moved[h, (j + offset) % slots] += weights[h, j] * shifts[h, offset + reach]
    return moved


def sharpen(weights, gamma):
    """Eq. 9: w(i) = w~(i)^γ / Σ_j w~(j)^γ; all-zero weights stay zero. weights [H,N], gamma [H] -> [H,N].

    Both sides are divided by the largest weight first, so that nothing underflows that should not.
    """
    sharp = np.zeros_like(weights)
    for h in range(len(weights)):
        largest = max(weights[h])
        if largest == 0:
            continue
        powers = [(w / largest) ** gamma[h] for w in weights[h]]
        total = sum(powers)
        sharp[h] = [power / total for power in powers]
    return sharp


def read(memory, weights):
    """Eq. 2: r = Σ_i w(i) M(i). memory [N,W], weights [H,N] -> [H,W]."""
    words = np.zeros((len(weights), memory.shape[1]))
    for h in range(len(weights)):
        for i in range(len(memory)):
            words[h] += weights[h, i] * memory[i]
    return words


def erase_and_add(memory, weights, erase, add):
    """Eqs. 3 and 4: M(i) ∘ (1 − w(i) e) for every head, then + w(i) a for every head.

    memory [N,W], weights [H,N], erase and add [H,W] -> [N,W].
    """
    new = np.array(memory, dtype=np.float64)
    for h in range(len(weights)):
        for i in range(len(memory)):
            new[i] = new[i] * (1 - weights[h, i] * erase[h])
    for h in range(len(weights)):
        for i in range(len(memory)):
            new[i] = new[i] + weights[h, i] * add[h]
    return new


def initial_state(*, N, W, num_reads, num_writes):
    """Memory at a constant, every first weighting on slot 0, nothing read yet."""
    first = np.zeros(N)
    first[0] = 1.0
    return {
        "memory": np.full((N, W), MEMORY_START),
        "read_weights": np.tile(first, (num_reads, 1)),
        "write_weights": np.tile(first, (num_writes, 1)),
        "read_words": np.zeros((num_reads, W)),
    }


def interface_size(*, W, num_reads, num_writes, max_shift, write_gate=False):
    """Every head: k(W), β, g, s(2·max_shift+1), γ; a write head also e(W), a(W), and a write gate if any."""
    address = W + 1 + 1 + (2 * max_shift + 1) + 1
    return num_reads * address + num_writes * (address + 2 * W + int(write_gate))


def split_interface(interface_vector, *, W, num_reads, num_writes, max_shift, write_gate=False):
    """The raw interface, cut head after head, after its non-linearities: (read heads, write heads)."""
    position = 0

    def take(count):
        nonlocal position
        field = np.asarray(interface_vector[position : position + count], dtype=np.float64)
        assert len(field) == count
        position += count
        return field

    heads = []
    for h in range(num_reads + num_writes):
        head = {
            "key": np.tanh(take(W)),
            "strength": softplus(take(1))[0],
            "gate": sigmoid(take(1))[0],
            "shifts": softmax(take(2 * max_shift + 1)),
            "gamma": 1 + softplus(take(1))[0],
        }
        if h >= num_reads:
            head["erase"] = sigmoid(take(W))
            head["add"] = np.tanh(take(W))
            if write_gate:
                hold_back(head, sigmoid(take(1))[0], max_shift)
        heads.append(head)
    assert position == len(interface_vector)
    return heads[:num_reads], heads[num_reads:]


def hold_back(head, write_gate, max_shift):
    """As far as its write gate is closed (0), a head keeps its place and leaves the memory as it is."""
    for name in ("gate", "erase", "add", "shifts"):
        head[name] = write_gate * head[name]
    head["shifts"][max_shift] += 1 - write_gate


def address(memory, heads, previous):
    """Eqs. 5 to 9 for a group of heads: (content weightings [H,N], final weightings [H,N], gates [H])."""

    def field(name):
        return np.array([head[name] for head in heads])

    content = content_weights(memory, field("key"), field("strength"))
    gated = interpolate(content, previous, field("gate"))
    shifted = shift(gated, field("shifts"))
    return content, sharpen(shifted, field("gamma")), field("gate")


def ntm_step(
    interface_vector,
    state,
    *,
    N,
    W,
    num_reads,
    num_writes,
    max_shift,
    read_first=False,
    write_gate=False,
):
    """One step of the memory, from the raw interface vector: (new state, details).

    Writing heads address M_{t−1}; all erases come before all adds; the reading heads then address and see
    M_t. With read_first the reading heads address and see M_{t−1} and the writing comes after.
    """
    assert state["memory"].shape == (N, W)
    read_heads, write_heads = split_interface(
        interface_vector,
        W=W,
        num_reads=num_reads,
        num_writes=num_writes,
        max_shift=max_shift,
        write_gate=write_gate,
    )
    before = state["memory"]
    content_write, write_weights, write_gates = address(before, write_heads, state["write_weights"])
    after = erase_and_add(
        before,
        write_weights,
        np.array([head["erase"] for head in write_heads]),
        np.array([head["add"] for head in write_heads]),
    )
    seen = before if read_first else after
    content_read, read_weights, read_gates = address(seen, read_heads, state["read_weights"])
    new_state = {
        "memory": after,
        "read_weights": read_weights,
        "write_weights": write_weights,
        "read_words": read(seen, read_weights),
    }
    details = {
        **new_state,
        "content_read_weights": content_read,
        "content_write_weights": content_write,
        "read_gates": read_gates,
        "write_gates": write_gates,
    }
    return new_state, details
