"""The engine's operators, called as they are, without a machine around them."""

import contextlib
from collections.abc import Callable, Iterator
from unittest import mock

import torch

from tapehead.engine.native import ops
from tests.engine.agreement import Results

Arguments = tuple
"""x, lengths, weights, state, config, numbers."""


@contextlib.contextmanager
def recorded_operators() -> Iterator[list[Arguments]]:
    """The operator's arguments of every native run within."""
    calls: list[Arguments] = []

    def recording(forward: Callable[..., list[torch.Tensor]]) -> Callable[..., list[torch.Tensor]]:
        def record(*arguments: object) -> list[torch.Tensor]:
            calls.append(arguments)
            return forward(*arguments)

        return record

    with (
        mock.patch.object(ops, "_forward", recording(ops._forward)),
        mock.patch.object(ops, "_forward_without_tape", recording(ops._forward_without_tape)),
    ):
        yield calls


def backward_arguments(arguments: Arguments, output: list[torch.Tensor]) -> Arguments:
    """For run_backward: random cotangents, and every gradient asked for."""
    x, lengths, weights, state, config, numbers = arguments
    generator = torch.Generator().manual_seed(2)
    cotangents = [
        torch.randn(tensor.shape, generator=generator, dtype=torch.float64).to(tensor.dtype)
        for tensor in output[:-1]
    ]
    needed = [1] * (1 + len(weights) + len(state))
    _, features, words, *_, tape = output
    return cotangents, needed, x, lengths, weights, state, features, words, tape, config, numbers


def leaves(arguments: Arguments, *, requires_grad: bool = False) -> Arguments:
    """The same numbers in tensors of their own, without a history."""

    def leaf(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.detach().clone().requires_grad_(requires_grad)

    x, lengths, weights, state, config, numbers = arguments
    return leaf(x), lengths, [leaf(w) for w in weights], [leaf(s) for s in state], config, numbers


def kernel_results(arguments: Arguments) -> Results:
    """All that the two operators return, but for the tape."""
    arguments = leaves(arguments)
    _, _, weights, state, *_ = arguments
    output = ops._forward(*arguments)
    gradients = ops._backward(*backward_arguments(arguments, output))
    names = ["x", *(f"weight {i}" for i in range(len(weights))), *(f"state {i}" for i in range(len(state)))]
    results: Results = {f"output {i}": tensor for i, tensor in enumerate(output[:-1])}
    return results | {f"gradient of {name}": tensor for name, tensor in zip(names, gradients, strict=True)}
