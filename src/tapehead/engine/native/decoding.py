"""Decoding in one call of the library: what a machine says is its next input."""

import ctypes
from typing import Any

from torch import Tensor

from ..decoding import Choice
from ..spec import KernelConfig, KernelSpec, unflatten_state
from . import plans


def decode(
    spec: KernelSpec, first: Tensor, state: Any, choice: Choice, max_steps: int
) -> tuple[Tensor, Tensor, Any]:
    """Run a machine with an output layer of the kernel's, feeding it its own outputs.

    Args:
        first: the first input, [input_size].
        state: of one sequence, with a batch axis, as in ``ops.run``.
        choice: how the next input is made from an output; checked against ``spec``.
        max_steps: after so many the loop ends, whatever the choice.

    Returns:
        (what each output was read as [n, input_size], outputs [n, output_size], the final state).

    Raises:
        ValueError: as in ``ops.run``.
    """
    inputs = first.new_empty(max_steps + 1, 1, first.shape[0])
    inputs[0, 0] = first
    weights, start = plans.checked_tensors(spec, inputs, state)
    weights, start = [w.contiguous() for w in weights], [s.contiguous() for s in start]
    plan = plans.plan_for(inputs[1:], KernelConfig.of(spec, state), plans.numbers_of(spec), keep_tape=False)
    plan.check(inputs, None, [*weights, *start])
    outputs, *final = plan.new_outputs(first)
    of_choice, ran = choice.words, ctypes.c_int64()
    plan.run(
        "decode",
        [inputs, None, *weights, *start],
        plan.rooms,
        [outputs, *final],
        ctypes.c_void_p(of_choice.data_ptr()),
        ctypes.c_int64(len(of_choice)),
        ctypes.byref(ran),
    )
    # Copies: max_steps may be many more.
    chosen, said = inputs[1 : ran.value + 1, 0].clone(), outputs[: ran.value, 0].clone()
    return chosen, said, unflatten_state(spec, inputs, final)
