"""Who is timed: each contender makes a training step, forward + backward + update, of a case."""

import importlib
import importlib.metadata
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.cases import Case
from tapehead.types import map_state

PEER = "dnc"
PEER_VERSION = "1.1.0"

Forward = Callable[[Tensor], Tensor]


class Unavailable(Exception):
    """This contender cannot run this case; the message says why."""


class TrainingStep:
    """Forward, a logistic loss, backward and a fused Adam update, on fixed random inputs."""

    def __init__(self, model: nn.Module, forward: Forward, case: Case, batch: int) -> None:
        generator = torch.Generator().manual_seed(1)
        self.x = torch.randn(case.steps, batch, case.inputs, generator=generator)
        self.forward = forward
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
        self.first_outputs: Tensor | None = None
        """of the first call, before any update: what two contenders with the same weights agree on"""

    def __call__(self) -> None:
        y = self.forward(self.x)
        if self.first_outputs is None:
            self.first_outputs = y.detach().clone()
        loss = nn.functional.binary_cross_entropy_with_logits(y, torch.zeros_like(y))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def native(case: Case) -> tuple[nn.Module, Forward]:
    """Our C++ engine."""
    machine = case.build("native")
    return machine, lambda x: machine(x)[0]


def reference(case: Case) -> tuple[nn.Module, Forward]:
    """Our plain PyTorch loop."""
    machine = case.build("reference")
    return machine, lambda x: machine(x)[0]


def compiled(case: Case) -> tuple[nn.Module, Forward]:
    """Our plain PyTorch loop with torch.compile on the step.

    The step alone: four steps in one graph take minutes to compile and run no faster, the whole loop takes
    longer still.
    """
    machine = case.build("reference")
    # A step of another batch size or of another case is another graph, and dynamo keeps only a few.
    torch.compiler.reset()
    machine.step = torch.compile(machine.step, dynamic=False)  # type: ignore[method-assign]

    def forward(x: Tensor) -> Tensor:
        # With a start that needs a gradient, the first step is the same graph as the others.
        start = map_state(Tensor.requires_grad_, machine.initial_state(x.shape[1]))
        return machine(x, start)[0]

    return machine, forward


def peer(case: Case, gpu_id: int = -1) -> tuple[nn.Module, Forward]:
    """What ``pip install dnc`` gives, called for the whole sequence; on the CPU, or on a GPU by its number.

    Called so, its reads never reach its controller within the sequence: less than a DNC does.
    """
    model = _peer_model(case, gpu_id)
    return model, lambda x: model(x, reset_experience=True)[0]


def peer_stepwise(case: Case) -> tuple[nn.Module, Forward]:
    """The same, one call a step with the state carried: a DNC."""
    model = _peer_model(case)

    def forward(x: Tensor) -> Tensor:
        state, outputs = None, []
        for x_t in x.split(1):
            y, state = model(x_t, state)
            outputs.append(y)
        return torch.cat(outputs)

    return model, forward


def _peer_model(case: Case, gpu_id: int = -1) -> nn.Module:
    if case.kind != "dnc":
        raise Unavailable("it has no NTM")
    try:
        version = importlib.metadata.version(PEER)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            package = importlib.import_module(PEER)
    except ImportError as error:
        raise Unavailable(f"not installed ({error}): pip install --no-deps {PEER}=={PEER_VERSION}") from error
    if version != PEER_VERSION:
        raise Unavailable(f"version {version} is installed, the comparison is with {PEER_VERSION}")
    return package.DNC(
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
        gpu_id=gpu_id,
    )


CONTENDERS: dict[str, Callable[[Case], tuple[nn.Module, Forward]]] = {
    "native": native,
    "reference": reference,
    "compiled": compiled,
    "dnc": peer,
    "dnc-stepwise": peer_stepwise,
}


def training_step(name: str, case: Case, batch: int) -> TrainingStep:
    """The training step of the contender ``name``.

    Raises:
        Unavailable: it is not installed, or does not do this case.
    """
    model, forward = CONTENDERS[name](case)
    return TrainingStep(model, forward, case, batch)


def saved_bytes(name: str, case: Case) -> int:
    """What autograd keeps of one sequence for the backward pass of ``name``.

    Raises:
        Unavailable: it is not installed, or does not do this case.
    """
    step = training_step(name, case, batch=1)
    storages: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = step.forward(step.x)
    del outputs
    return sum(storages.values())
