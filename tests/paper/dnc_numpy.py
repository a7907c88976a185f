"""The Differentiable Neural Computer (Graves et al. 2016, Nature 538, Methods) in plain NumPy loops, float64.

Written from the paper's equations, for one sample at a time, to be read beside them; nothing here is fast
and nothing here looks at the library. The equations of Methods carry no numbers, so the docstrings name their
paragraph. N slots, W word, R read heads.

The variants are those of Csordás & Schmidhuber 2019 (arXiv:1904.10278): masked content lookup, de-allocation
and sharpened links. Content lookup, reading, erasing and adding are the NTM's and stand in `ntm_numpy`.
"""

import numpy as np

from tests.paper.ntm_numpy import (
    EPSILON,
    MEMORY_START,
    content_weights,
    erase_and_add,
    read,
    sigmoid,
    softmax,
    softplus,
)

USAGE_STEPS = 1e6


def oneplus(x):
    """1 + log(1 + e^x) ("Interface parameters")."""
    return 1 + softplus(x)


def retention(free_gates, read_weights):
    """ψ = Π_r (1 − f^r w^r_{t−1}) ("Dynamic memory allocation"). [R], [R,N] -> [N]."""
    kept = np.ones(read_weights.shape[1])
    for r in range(len(free_gates)):
        for i in range(len(kept)):
            kept[i] *= 1 - free_gates[r] * read_weights[r, i]
    return kept


def update_usage(usage, write_weights, retention):
    """u_t = (u + w^w − u ∘ w^w) ∘ ψ, with u and w^w of t−1 ("Dynamic memory allocation"). All [N]."""
    new = np.zeros_like(usage)
    for i in range(len(usage)):
        new[i] = (usage[i] + write_weights[i] - usage[i] * write_weights[i]) * retention[i]
    return new


def free_list(usage):
    """φ: slots from the least used to the most used; usages equal to the nearest 1e-6 stay in slot order."""
    return sorted(range(len(usage)), key=lambda i: np.round(usage[i] * USAGE_STEPS))


def allocation_weights(usage, order=None):
    """a[φ_j] = (1 − u[φ_j]) Π_{i<j} u[φ_i] ("Dynamic memory allocation"). usage [N] -> [N].

    order: φ where it is given from outside, as for the gradient, which takes it as fixed.
    """
    allocation = np.zeros_like(usage)
    used_so_far = 1.0
    for slot in free_list(usage) if order is None else order:
        allocation[slot] = (1 - usage[slot]) * used_so_far
        used_so_far *= usage[slot]
    return allocation


def mix_write_weights(content, allocation, write_gate, allocation_gate):
    """w^w = g^w [g^a a + (1 − g^a) c^w] ("Write weighting"). content, allocation [N], gates scalar -> [N]."""
    mixed = np.zeros_like(content)
    for i in range(len(content)):
        mixed[i] = write_gate * (allocation_gate * allocation[i] + (1 - allocation_gate) * content[i])
    return mixed


def update_link(link, precedence, write_weights):
    """L[i,j] = (1 − w^w_i − w^w_j) L_{t−1}[i,j] + w^w_i p_{t−1}[j] off the diagonal, 0 on it.

    ("Temporal memory linkage".) link [N,N], precedence and write_weights [N] -> [N,N].
    """
    slots = len(write_weights)
    new = np.zeros((slots, slots))
    for i in range(slots):
        for j in range(slots):
            if i != j:
                new[i, j] = (1 - write_weights[i] - write_weights[j]) * link[i, j]
                new[i, j] += write_weights[i] * precedence[j]
    return new


def update_precedence(precedence, write_weights):
    """p = (1 − Σ_i w^w_i) p_{t−1} + w^w ("Temporal memory linkage"). Both [N] -> [N]."""
    written = sum(write_weights)
    new = np.zeros_like(precedence)
    for i in range(len(precedence)):
        new[i] = (1 - written) * precedence[i] + write_weights[i]
    return new


def directional_weights(link, read_weights):
    """f^r = L w^r_{t−1}, b^r = Lᵀ w^r_{t−1} ("Temporal memory linkage"). -> (f [R,N], b [R,N])."""
    forward = np.zeros_like(read_weights)
    backward = np.zeros_like(read_weights)
    heads, slots = read_weights.shape
    for r in range(heads):
        for i in range(slots):
            for j in range(slots):
                forward[r, i] += link[i, j] * read_weights[r, j]
                backward[r, i] += link[j, i] * read_weights[r, j]
    return forward, backward


def mix_read_weights(backward, content, forward, modes):
    """w^r = π1 b + π2 c + π3 f ("Read weighting"). Weightings [R,N], modes [R,3] -> [R,N]."""
    mixed = np.zeros_like(content)
    for r in range(len(content)):
        for i in range(content.shape[1]):
            mixed[r, i] += modes[r, 0] * backward[r, i]
            mixed[r, i] += modes[r, 1] * content[r, i]
            mixed[r, i] += modes[r, 2] * forward[r, i]
    return mixed


def sharpen_links(weights, strengths):
    """S(d,s)_i = ((d_i+ε) / max(d+ε))^s / Σ_j ((d_j+ε) / max(d+ε))^s (CS19). weights [R,N], strengths [R]."""
    sharp = np.zeros_like(weights)
    for r in range(len(weights)):
        lifted = [d + EPSILON for d in weights[r]]
        powers = [(d / max(lifted)) ** strengths[r] for d in lifted]
        total = sum(powers)
        sharp[r] = [power / total for power in powers]
    return sharp


def initial_state(*, N, W, R, temporal_links=True):
    """Everything zero but the memory, which starts at a constant."""
    linked = N if temporal_links else 0
    return {
        "memory": np.full((N, W), MEMORY_START),
        "usage": np.zeros(N),
        "precedence": np.zeros(linked),
        "link": np.zeros((linked, linked)),
        "write_weights": np.zeros(N),
        "read_weights": np.zeros((R, N)),
        "read_words": np.zeros((R, W)),
    }


def interface_size(*, W, R, temporal_links=True, masked_lookup=False, link_sharpening=False):
    """W·R + 3W + 5R + 3 as in the paper, less the read modes without links, plus the variants' own fields."""
    size = W * R + 3 * W + 2 * R + 3
    if temporal_links:
        size += 3 * R
    if masked_lookup:
        size += (R + 1) * W
    if link_sharpening:
        size += 2 * R
    return size


def split_interface(
    interface_vector, *, W, R, temporal_links=True, masked_lookup=False, mask_min=0.0, link_sharpening=False
):
    """ξ cut in the paper's order and put through its non-linearities ("Interface parameters")."""
    position = 0

    def take(*shape):
        nonlocal position
        count = int(np.prod(shape))
        field = np.asarray(interface_vector[position : position + count], dtype=np.float64)
        assert len(field) == count
        position += count
        return field.reshape(shape)

    fields = {
        "read_keys": take(R, W),
        "read_strengths": oneplus(take(R)),
        "write_key": take(W),
        "write_strength": oneplus(take(1))[0],
        "erase": sigmoid(take(W)),
        "write_vector": take(W),
        "free_gates": sigmoid(take(R)),
        "allocation_gate": sigmoid(take(1))[0],
        "write_gate": sigmoid(take(1))[0],
        "read_modes": None,
        "read_masks": None,
        "write_mask": None,
    }
    if temporal_links:
        fields["read_modes"] = np.array([softmax(row) for row in take(R, 3)])
    if masked_lookup:
        fields["read_masks"] = sigmoid(take(R, W)) * (1 - mask_min) + mask_min
        fields["write_mask"] = sigmoid(take(W)) * (1 - mask_min) + mask_min
    if link_sharpening:
        fields["forward_strengths"] = oneplus(take(R))
        fields["backward_strengths"] = oneplus(take(R))
    assert position == len(interface_vector)
    return fields


def dnc_step(
    interface_vector,
    state,
    *,
    N,
    W,
    R,
    temporal_links=True,
    masked_lookup=False,
    mask_min=0.0,
    deallocation=False,
    link_sharpening=False,
):
    """One step of the memory, from the raw interface vector: (new state, details). Writes come first."""
    assert state["memory"].shape == (N, W)
    xi = split_interface(
        interface_vector,
        W=W,
        R=R,
        temporal_links=temporal_links,
        masked_lookup=masked_lookup,
        mask_min=mask_min,
        link_sharpening=link_sharpening,
    )
    before = state["memory"]

    psi = retention(xi["free_gates"], state["read_weights"])
    usage = update_usage(state["usage"], state["write_weights"], psi)
    allocation = allocation_weights(usage)

    write_masks = None if xi["write_mask"] is None else xi["write_mask"][None]
    content_write = content_weights(before, xi["write_key"][None], [xi["write_strength"]], write_masks)[0]
    write_weights = mix_write_weights(content_write, allocation, xi["write_gate"], xi["allocation_gate"])

    written_over = np.array([before[i] * psi[i] for i in range(N)]) if deallocation else before
    memory = erase_and_add(written_over, write_weights[None], xi["erase"][None], xi["write_vector"][None])

    content_read = content_weights(memory, xi["read_keys"], xi["read_strengths"], xi["read_masks"])
    if temporal_links:
        link = update_link(state["link"], state["precedence"], write_weights)
        precedence = update_precedence(state["precedence"], write_weights)
        forward, backward = directional_weights(link, state["read_weights"])
        if link_sharpening:
            forward = sharpen_links(forward, xi["forward_strengths"])
            backward = sharpen_links(backward, xi["backward_strengths"])
        read_weights = mix_read_weights(backward, content_read, forward, xi["read_modes"])
    else:
        link, precedence = state["link"], state["precedence"]
        read_weights = content_read

    new_state = {
        "memory": memory,
        "usage": usage,
        "precedence": precedence,
        "link": link,
        "write_weights": write_weights,
        "read_weights": read_weights,
        "read_words": read(memory, read_weights),
    }
    details = {
        **new_state,
        "allocation_weights": allocation,
        "content_read_weights": content_read,
        "content_write_weights": content_write,
        "read_gates": xi["read_modes"],
        "write_gates": np.array([xi["allocation_gate"], xi["write_gate"]]),
    }
    return new_state, details


def initial_controller(*, num_layers, hidden_size):
    """h_0 = s_0 = 0 of every layer ("Controller network")."""
    return {"h": np.zeros((num_layers, hidden_size)), "c": np.zeros((num_layers, hidden_size))}


def deep_lstm_step(x, reads, state, weights):
    """The controller ("Controller network"): every layer's gates see [x ; reads ; h^l_{t−1} ; h^{l−1}_t].

    x [X], reads [R·W], state {"h": [L,H], "c": [L,H]}. weights: a (matrix [4H, X+RW+H(+H)], bias [4H]) pair a
    layer, rows in the order input gate, forget gate, cell, output gate; the first layer has no layer below.
    -> (the layers' outputs [L·H], new state).
    """
    hidden, cell = np.zeros_like(state["h"]), np.zeros_like(state["c"])
    for layer, (matrix, bias) in enumerate(weights):
        seen = [x, reads, state["h"][layer]]
        if layer > 0:
            seen.append(hidden[layer - 1])
        seen = np.concatenate(seen)
        size = hidden.shape[1]
        total = [sum(w * s for w, s in zip(row, seen)) + b for row, b in zip(matrix, bias)]
        for k in range(size):
            input_gate = sigmoid(total[k])
            forget_gate = sigmoid(total[size + k])
            candidate = np.tanh(total[2 * size + k])
            output_gate = sigmoid(total[3 * size + k])
            cell[layer, k] = forget_gate * state["c"][layer, k] + input_gate * candidate
            hidden[layer, k] = output_gate * np.tanh(cell[layer, k])
    return hidden.reshape(-1), {"h": hidden, "c": cell}


def feedforward_step(x, reads, weights):
    """The feed-forward controller: layer l is tanh(W [x ; reads ; h^{l−1}] + b). -> all layers [L·H]."""
    outputs = []
    for matrix, bias in weights:
        seen = np.concatenate([x, reads, *outputs[-1:]])
        outputs.append(
            np.array([np.tanh(sum(w * s for w, s in zip(row, seen)) + b) for row, b in zip(matrix, bias)])
        )
    return np.concatenate(outputs)
