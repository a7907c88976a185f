"""Who is timed: each contender makes a training step, forward + backward + update, of a case."""

import importlib.metadata
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from .cases import Case

Step = Callable[[], None]


class Unavailable(Exception):
    """This contender cannot run this case; the message says why."""


def training_step(model: nn.Module, forward: Callable[[Tensor], Tensor], case: Case, batch: int) -> Step:
    """Forward, a logistic loss, backward and a fused Adam update on fixed random inputs."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(case.steps, batch, case.inputs, generator=generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        y = forward(x)
        loss = nn.functional.binary_cross_entropy_with_logits(y, torch.zeros_like(y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def native(case: Case, batch: int) -> Step:
    """Our C++ engine."""
    machine = case.build("native")
    return training_step(machine, lambda x: machine(x)[0], case, batch)


def reference(case: Case, batch: int) -> Step:
    """Our plain PyTorch loop."""
    machine = case.build("reference")
    return training_step(machine, lambda x: machine(x)[0], case, batch)


def compiled(case: Case, batch: int) -> Step:
    """Our plain PyTorch loop with torch.compile on the step."""
    machine = case.build("reference")
    # The step alone: the whole unrolled loop takes many minutes to compile.
    machine.step = torch.compile(machine.step, dynamic=False)  # type: ignore[method-assign]
    return training_step(machine, lambda x: machine(x)[0], case, batch)


def dnc_1_1_0(case: Case, batch: int) -> Step:
    """What ``pip install dnc`` gives. Within a call its reads never reach its controller."""
    if case.kind != "dnc":
        raise Unavailable("it has no NTM")
    try:
        version = importlib.metadata.version("dnc")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from dnc import DNC
    except ImportError as error:
        raise Unavailable(f"not installed ({error}): pip install --no-deps dnc==1.1.0") from error
    if version != "1.1.0":
        raise Unavailable(f"version {version} is installed, the comparison is with 1.1.0")
    peer = DNC(
        input_size=case.inputs,
        hidden_size=case.hidden,
        rnn_type="lstm",
        num_layers=1,
        num_hidden_layers=case.layers,
        nr_cells=case.slots,
        cell_size=case.word,
        read_heads=case.reads,
        independent_linears=True,
        batch_first=False,
        gpu_id=-1,
    )

    def forward(x: Tensor) -> Tensor:
        return peer(x, (None, None, None), reset_experience=True)[0]

    return training_step(peer, forward, case, batch)


CONTENDERS: dict[str, Callable[[Case, int], Step]] = {
    "native": native,
    "reference": reference,
    "compiled": compiled,
    "dnc 1.1.0": dnc_1_1_0,
}
