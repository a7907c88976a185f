"""A call that is made again and again, as in a loop of one step at a time: what can be is done once."""

import itertools
import operator
import struct
from typing import Any

import torch
from torch import Tensor, nn

from ..spec import KernelConfig, KernelSpec, memory_names, unflatten_state
from . import loader, plans, workspace


class Prepared:
    """A run from a given state without a pass backward, of which all is known but the numbers.

    The results are to the bit those of ``ops.run``: the same function of the library gets the same sizes.

    Args:
        spec: a machine with an output layer of the kernel's, whose weights are parameters.
        x: [T, B, input_size].
        state: the batched state to start from.

    Raises:
        ValueError, EngineError: as ``ops.run``.
    """

    def __init__(self, spec: KernelSpec, x: Tensor, state: Any) -> None:
        self.spec = spec
        config = KernelConfig.of(spec, state)
        self._plan = plan = plans.plan_for(x, config, plans.numbers_of(spec), keep_tape=False)
        self._threads = torch.get_num_threads()
        self._weights, start = plans.checked_tensors(spec, x, state)
        plan.check(x, None, [*self._weights, *start])
        self._types = [Tensor, *[nn.Parameter] * len(self._weights), *[Tensor] * len(start)]
        self._dtypes = [x.dtype] * len(self._types)
        self._on_cpu = [True] * len(self._types)
        self._shapes = [tensor.shape for tensor in (x, *start)]
        self._outputs = (*x.shape[:2], config.output_size)
        self._layers = [len(layer) for layer in state.controller]
        names = memory_names(spec)
        self._memory_of = operator.attrgetter(*names) if names else lambda state: ()
        # x, lengths, weights and state; rooms; outputs and the final state.
        count = 2 + len(self._weights) + len(start) + len(plan.rooms) + 1 + len(start)
        self._pack = struct.Struct(f"{count}P").pack
        self._name = f"forward_{plan.scalar}"
        self._function = loader.function_of(self._name)

    def run(self, x: Tensor, state: Any) -> tuple[Tensor, Any] | None:
        """The outputs and the final state; None where x or the state is not of the form of those before.

        The weights have to have the shapes of ``spec``: ``kernel_spec`` of the machine has just looked.
        """
        plan = self._plan
        if type(state) is not self.spec.state_type or torch.get_num_threads() != self._threads:
            return None
        controller: Any = state.controller  # type: ignore[attr-defined]
        if type(controller) is not tuple or list(map(type, controller)) != [tuple] * len(controller):
            return None
        if [len(layer) for layer in controller] != self._layers:
            return None
        start = [*self._memory_of(state), *itertools.chain.from_iterable(controller)]
        given = [x.contiguous(), *self._weights, *start]
        if (
            list(map(type, given)) != self._types
            or [tensor.shape for tensor in (x, *start)] != self._shapes
            or [tensor.dtype for tensor in given] != self._dtypes
            or [tensor.is_cpu for tensor in given] != self._on_cpu
            or not all(map(Tensor.is_contiguous, given))
        ):
            return None
        outputs = x.new_empty(*self._outputs)
        final = list(map(torch.empty_like, start))
        address_x, *addresses = map(Tensor.data_ptr, given)
        block = workspace.borrow(plan.size)
        try:
            pointers = self._pack(
                address_x,
                0,
                *addresses,
                *[block.address + offset for offset in plan.offsets],
                *map(Tensor.data_ptr, (outputs, *final)),
            )
            loader.check_code(self._name, self._function(plan.sizes, plan.numbers, pointers))
        finally:
            workspace.give_back(block)
        return outputs, unflatten_state(self.spec, x, final)
