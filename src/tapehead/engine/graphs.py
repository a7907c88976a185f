"""Whole training updates by a CUDA graph: forward, loss, backward, clipping and Adam without the host.

A machine on a GPU is bound by its launches: hundreds of small ones a step. A graph records them once and
replays them in one call.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from .native.build import EngineError

WARM_UP = 3
"""Updates before the capture: allocators, cuBLAS and Triton's compiler settle in them."""

Loss = Callable[..., Tensor]
"""(outputs, what else a batch holds) → one number."""


class Outcome(NamedTuple):
    """What an update leaves behind, on the machine's device. The next update writes over it."""

    outputs: Tensor
    """[T, B, output_size], before the update"""
    loss: Tensor
    """one number"""
    norm: Tensor
    """of the whole gradient before clipping; if it or the loss is not finite, no weight was changed"""


class Update:
    """A training update on batches of one shape, of which no operation waits for the device.

    Called, it runs its operations one after another, on any device. :func:`graphed` records them, and a call
    replays them.

    Args:
        machine: what is trained; called as ``machine(x, lengths=...)``.
        example: a batch: x as the machine takes it, then what the loss takes beside the outputs. Its shapes,
            dtypes and device are those of every batch to come.
        lengths: of the example's sequences, int64 [B], or None where no batch is padded.
        loss: (outputs, the rest of the batch) → one number; None for the mean cross-entropy of independent
            bits, whose logits are the outputs.
        lr, betas, eps, weight_decay: of Adam, with decoupled weight decay.
        clip_norm: bound of the joint norm of the gradient; None does not clip.

    Raises:
        ValueError: an example that holds nothing, or a machine without parameters to train.
    """

    def __init__(
        self,
        machine: nn.Module,
        example: tuple[Tensor, ...],
        *,
        lengths: Tensor | None = None,
        loss: Loss | None = None,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
    ) -> None:
        if not example:
            raise ValueError("the example is empty: give (x, and what the loss takes beside the outputs)")
        self.parameters = [parameter for parameter in machine.parameters() if parameter.requires_grad]
        if not self.parameters:
            raise ValueError(f"this {type(machine).__name__} has no parameters that ask for a gradient")
        self.machine = machine
        self._loss: Loss = binary_cross_entropy_with_logits if loss is None else loss
        self._batch = [tensor.detach().clone() for tensor in example]
        self._lengths = None if lengths is None else lengths.detach().clone()
        self._clip_norm = float("inf") if clip_norm is None else clip_norm
        self.optimizer = torch.optim.AdamW(
            self.parameters,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            fused=True,
            capturable=True,
        )
        # On the device, so that a recorded update reads it anew.
        self._lr = torch.tensor(lr, device=example[0].device)
        self.optimizer.param_groups[0]["lr"] = self._lr
        self._graph: Any = None
        self._outcome: Outcome | None = None

    @property
    def lr(self) -> float:
        """The learning rate. (Reading it waits for the device, setting it does not.)"""
        return self._lr.item()

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr.fill_(value)

    def __call__(self, *batch: Tensor, lengths: Tensor | None = None) -> Outcome:
        """Update the weights with one batch.

        Args:
            batch: as the example.
            lengths: of its sequences, where the example had them; not checked against the steps on a GPU.

        Raises:
            ValueError: a batch of another shape or dtype than the example's.
        """
        given, own = list(batch), list(self._batch)
        if (lengths is None) != (self._lengths is None):
            raise ValueError("lengths are given with every batch or with none: give them as with the example")
        if lengths is not None and self._lengths is not None:
            given, own = [*given, lengths], [*own, self._lengths]
        if [(t.shape, t.dtype) for t in given] != [(t.shape, t.dtype) for t in own]:
            raise ValueError(
                f"the batch is {_described(given)}, but the example was {_described(own)}: pad it, or make "
                "another update for this shape"
            )
        for target, tensor in zip(own, given, strict=True):
            target.copy_(tensor, non_blocking=True)
        if self._graph is None:
            return self._run()
        self._graph.replay()
        assert self._outcome is not None  # It was recorded.
        return self._outcome

    def _run(self) -> Outcome:
        x, *rest = self._batch
        self.optimizer.zero_grad(set_to_none=True)
        outputs, _ = self.machine(x, lengths=self._lengths)
        loss = self._loss(outputs, *rest)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, self._clip_norm)
        # Adam's kernel leaves everything as it is where this is 1; to branch on it, the host would have to
        # wait. (PyTorch's gradient scaler says it in the same way.)
        self.optimizer.found_inf = (~(norm + loss.detach()).isfinite()).float()  # type: ignore[attr-defined]
        self.optimizer.step()
        return Outcome(outputs.detach(), loss.detach(), norm)

    def _capture(self) -> None:
        """Record an update; weights and Adam's state are afterwards as they were."""
        weights = [parameter.detach().clone() for parameter in self.parameters]
        current, beside = torch.cuda.current_stream(), torch.cuda.Stream()
        beside.wait_stream(current)
        with torch.cuda.stream(beside):
            for _ in range(WARM_UP):
                self._run()
        current.wait_stream(beside)
        with torch.no_grad():
            for parameter, before in zip(self.parameters, weights, strict=True):
                parameter.copy_(before)
            for state in self.optimizer.state.values():
                for tensor in state.values():
                    tensor.zero_()
        self._graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)  # The recorded gradients live with the graph.
        with torch.cuda.graph(self._graph):
            self._outcome = self._run()


def graphed(machine: nn.Module, example: tuple[Tensor, ...], **options: Any) -> Update:
    """A whole training update of ``machine`` as one CUDA graph.

    The machine is on a CUDA device, and so is the example. Each call copies a batch into the graph's buffers
    and replays forward, loss, backward, clipping and Adam; nothing waits for the GPU until a result is looked
    at. The machine's own backend holds: by default the Triton engine where it serves, else the reference.

    It was written without a GPU: the tests compare the update itself (an :class:`Update` that is not
    recorded) with a plain loop on the CPU, and watch that nothing in it leaves the device. The capture has
    not run on a GPU yet.

    Args:
        machine, example, options: as in :class:`Update`.

    Raises:
        EngineError: there is no CUDA device, or the machine or the example is not on one.
        ValueError: as in :class:`Update`.

    Example::

        machine = tapehead.DNC(9, 128, output_size=8, device="cuda")
        x, bits = torch.randn(40, 64, 9).cuda(), torch.zeros(40, 64, 8).cuda()
        update = tapehead.engine.graphed(machine, (x, bits), lr=1e-3, clip_norm=10)
        for x, bits in batches:
            loss = update(x, bits).loss
    """
    places = {tensor.device.type for tensor in [*machine.parameters(), *example]}
    if places != {"cuda"}:
        found = " and ".join(sorted(places)) or "nowhere"
        raise EngineError(
            f"a CUDA graph needs the machine and the example on a CUDA device, and they are on {found}: move "
            'both with .to("cuda"), or use tapehead.engine.Update, which records nothing'
        )
    with torch.cuda.device(example[0].device):
        update = Update(machine, example, **options)
        update._capture()
    return update


def _described(tensors: list[Tensor]) -> str:
    return ", ".join(f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}" for tensor in tensors)
