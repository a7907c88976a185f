"""Sparse access memory (Rae et al. 2016, arXiv:1610.09027, SAM) in plain NumPy loops, float64.

Written from the paper's sections 3.1 to 3.3, for one sample at a time; nothing here looks at the library.
What the paper leaves open is fixed as the library documents it: cosine with 1e-6 under the root, keys and add
vectors tanh, strengths softplus, gates sigmoid; among equals the lower slot; write heads share the mean of
the last read weightings; slots that were never written are not read.
"""

import numpy as np

from tests.paper.ntm_numpy import cosine, read, sigmoid, softmax, softplus

DELTA = 0.005


def initial_state(*, N, W, num_reads):
    """Nothing written, nothing read, nothing accessed."""
    return {
        "memory": np.zeros((N, W)),
        "usage": np.zeros(N),
        "read_weights": np.zeros((num_reads, N)),
        "read_words": np.zeros((num_reads, W)),
    }


def split_interface(vector, *, W, num_reads, num_writes, modes=False):
    """Keys [R,W], strengths [R], add vectors [H,W], γ [H], α [H], and a DNC's modes [R,3], all raw."""
    sizes = [num_reads * W, num_reads, num_writes * W, num_writes, num_writes] + [3 * num_reads] * modes
    assert len(vector) == sum(sizes)
    fields = np.split(np.asarray(vector, dtype=np.float64), np.cumsum(sizes)[:-1])
    fields[0], fields[2] = fields[0].reshape(num_reads, W), fields[2].reshape(num_writes, W)
    if modes:
        fields[5] = fields[5].reshape(num_reads, 3)
    return fields


def nearest(memory, key, slots, K):
    """The K of these slots whose words are most like the key, by linear search."""
    return sorted(slots, key=lambda i: (-cosine(key, memory[i]), i))[:K]


def sparse_content(memory, key, strength, slots, K):
    """Eq. 4's reading weights: a softmax over the K nearest words, zero elsewhere."""
    weights = np.zeros(len(memory))
    chosen = nearest(memory, key, slots, K)
    if chosen:
        weights[chosen] = softmax([strength * cosine(key, memory[i]) for i in chosen])
    return weights


def keep_largest(weights, K):
    """The K largest weights that are not zero; the others become zero."""
    kept = np.zeros_like(weights)
    for i in sorted(range(len(weights)), key=lambda i: (-weights[i], i))[:K]:
        kept[i] = max(weights[i], 0)
    return kept


def least_recently_used(usage, H):
    """The slots that the write heads take: the longest without an access first."""
    order = sorted(range(len(usage)), key=lambda i: (usage[i], i))
    return [order[h % len(order)] for h in range(H)]


def write(state, add, gamma, alpha, K):
    """Eqs. 3 and 5: (memory, usage with marks of writing, weights [H,N], least used slots, last read)."""
    memory, usage = state["memory"].copy(), np.round(state["usage"])
    last_read = np.array([keep_largest(weights, K) for weights in state["read_weights"]])
    mean = last_read.sum(0) / len(last_read)
    slots = least_recently_used(usage, len(add))
    weights = np.zeros((len(add), len(memory)))
    for h, slot in enumerate(slots):
        weights[h] = alpha[h] * gamma[h] * mean
        weights[h, slot] += alpha[h] * (1 - gamma[h])
        memory[slot] = 0
    for h in range(len(add)):
        for i in range(len(memory)):
            memory[i] = memory[i] + weights[h, i] * add[h]
    for i in range(len(memory)):
        if i in slots or mean[i] > 0:
            usage[i] = max(usage[i], 1)
    return memory, usage, weights, slots, last_read


def mark_accesses(usage, read_weights, write_weights):
    """Eq. 6, kept as the time of the last access: whatever sums to more than δ was accessed now."""
    now, after = max(1, max(usage)) + 1, usage.copy()
    for i in range(len(usage)):
        if read_weights[:, i].sum() + write_weights[:, i].sum() > DELTA:
            after[i] = now
    return after


def sam_step(interface, state, *, N, W, num_reads, num_writes, K, read_first=False):
    """One step of the memory, from the raw interface vector: (new state, details)."""
    assert state["memory"].shape == (N, W)
    keys, strengths, add, gamma, alpha = split_interface(
        interface, W=W, num_reads=num_reads, num_writes=num_writes
    )
    gamma, alpha = sigmoid(gamma), sigmoid(alpha)
    memory, usage, write_weights, slots, last_read = write(state, np.tanh(add), gamma, alpha, K)
    seen, known = (state["memory"], np.round(state["usage"])) if read_first else (memory, usage)
    written = [i for i in range(N) if known[i] > 0]
    read_weights = np.array(
        [sparse_content(seen, np.tanh(keys[r]), softplus(strengths[r]), written, K) for r in range(num_reads)]
    )
    new_state = {
        "memory": memory,
        "usage": mark_accesses(usage, read_weights, write_weights),
        "read_weights": read_weights,
        "read_words": read(seen, read_weights),
    }
    least_used = np.zeros((num_writes, N))
    for h, slot in enumerate(slots):
        least_used[h, slot] = 1
    details = {
        **new_state,
        "write_weights": write_weights,
        "content_read_weights": read_weights,
        "content_write_weights": np.tile(last_read.mean(0), (num_writes, 1)),
        "allocation_weights": least_used,
        "read_gates": np.ones(num_reads),
        "write_gates": np.stack([gamma, alpha], axis=1),
    }
    return new_state, details


def sdnc_initial_state(*, N, W, num_reads, links=8):
    """Nothing written, read, accessed or linked; links [N][K_L] as numbers and columns."""
    start = initial_state(N=N, W=W, num_reads=num_reads)
    return (
        start
        | {"precedence": np.zeros(N)}
        | {
            name: np.zeros((N, links))
            for name in ("before_weights", "before_slots", "after_weights", "after_slots")
        }
    )


def as_matrix(weights, columns):
    """A row-sparse matrix written out."""
    matrix = np.zeros((len(weights), len(weights)))
    for i in range(len(weights)):
        for weight, column in zip(weights[i], columns[i]):
            matrix[i, int(column)] += weight
    return matrix


def sdnc_step(interface, state, *, N, W, num_reads, K, links=8):
    """One step of the SDNC's memory: (new state, details); links are matrices [N,N] here."""
    keys, strengths, add, gamma, alpha, modes = split_interface(
        interface, W=W, num_reads=num_reads, num_writes=1, modes=True
    )
    gamma, alpha = sigmoid(gamma), sigmoid(alpha)
    memory, usage, write_weights, _, last_read = write(state, add, gamma, alpha, K)
    w, p = write_weights[0], state["precedence"]
    before, after = np.zeros((N, N)), np.zeros((N, N))
    for i in range(N):
        for j in range(N):
            if i != j:
                before[i, j] = (1 - w[i]) * state["before"][i, j] + w[i] * p[j]
                after[i, j] = (1 - w[j]) * state["after"][i, j] + w[j] * p[i]
        before[i], after[i] = keep_largest(before[i], links), keep_largest(after[i], links)
    precedence = keep_largest((1 - w.sum()) * p + w, links)
    written = [i for i in range(N) if usage[i] > 0]
    read_weights, content = np.zeros((num_reads, N)), np.zeros((num_reads, N))
    for r in range(num_reads):
        pi = softmax(modes[r])
        content[r] = sparse_content(memory, keys[r], 1 + softplus(strengths[r]), written, K)
        mixed = pi[0] * after @ last_read[r] + pi[1] * content[r] + pi[2] * before @ last_read[r]
        read_weights[r] = keep_largest(mixed, K)
    new_state = {
        "memory": memory,
        "usage": mark_accesses(usage, read_weights, write_weights),
        "precedence": precedence,
        "before": before,
        "after": after,
        "read_weights": read_weights,
        "read_words": read(memory, read_weights),
    }
    shown = ("memory", "usage", "precedence", "read_weights", "read_words")
    details = {name: new_state[name] for name in shown}
    return new_state, details | {"write_weights": w, "content_read_weights": content}
