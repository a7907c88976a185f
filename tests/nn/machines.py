"""Every machine and every variant switch once, so that each promise is tested on all of them."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from tapehead.nn import DNC, NTM, DeepLSTM, Machine, SparseDNCState, SparseNTMState
from tapehead.types import map_state

BACKENDS = ["reference", "native"]

INPUT, HIDDEN, OUTPUT, SLOTS, WORD = 3, 5, 2, 7, 4


class GRUController(nn.Module):
    """A controller of the user's own, as tapehead.nn.Controller describes it."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.output_size = hidden_size
        self.cell = nn.GRUCell(input_size, hidden_size)

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> tuple:
        return ((torch.zeros(batch_size, self.output_size, device=device, dtype=dtype),),)

    def forward(self, inputs: Tensor, state: tuple) -> tuple[Tensor, tuple]:
        hidden = self.cell(inputs, state[0][0])
        return hidden, ((hidden,),)


def _ntm(**switches: Any) -> Callable[..., NTM]:
    switches |= {"memory_size": SLOTS, "word_size": WORD}
    return lambda **more: NTM(INPUT, HIDDEN, output_size=OUTPUT, **(switches | more))


def _dnc(num_reads: int = 2, **switches: Any) -> Callable[..., DNC]:
    switches |= {"memory_size": SLOTS, "word_size": WORD, "num_reads": num_reads}
    return lambda **more: DNC(INPUT, HIDDEN, output_size=OUTPUT, **(switches | more))


def _own(machine: Callable[..., Machine], num_reads: int) -> Callable[..., Machine]:
    return lambda **more: machine(controller=GRUController(INPUT + num_reads * WORD, HIDDEN), **more)


MACHINES: dict[str, Callable[..., Machine]] = {
    "ntm": _ntm(),
    "ntm-feedforward": _ntm(controller="feedforward"),
    "ntm-own-controller": _own(_ntm(num_reads=2), 2),
    "ntm-2-layers": _ntm(num_layers=2),
    "ntm-2-reads-3-writes": _ntm(num_reads=2, num_writes=3),
    "ntm-no-shift": _ntm(max_shift=0),
    "ntm-shift-2": _ntm(max_shift=2, num_writes=2),
    "ntm-read-first": _ntm(read_first=True, num_reads=2),
    "ntm-reads-not-fed": _ntm(feed_reads=False, num_reads=2, learn_initial_state=True),
    "ntm-write-gate": _ntm(write_gate=True, num_reads=2, num_writes=2),
    "ntm-lookup": _ntm(controller="feedforward", init="lookup", num_reads=2),
    "ntm-clipped": _ntm(clip_controller_gradient=0.1, clip_weighting_gradient=0.1),
    "ntm-learned-start": _ntm(learn_initial_state=True, num_layers=2),
    "ntm-feedforward-learned-start": _ntm(controller="feedforward", num_layers=2, learn_initial_state=True),
    "ntm-learned-memory": _ntm(learn_initial_memory=True, num_reads=2),
    "sparse-ntm": _ntm(access="sparse"),
    "sparse-ntm-feedforward": _ntm(access="sparse", controller="feedforward", top_k=2),
    "sparse-ntm-own-controller": _own(_ntm(access="sparse", num_reads=2), 2),
    "sparse-ntm-2-reads-3-writes": _ntm(access="sparse", top_k=2, num_reads=2, num_writes=3),
    "sparse-ntm-read-first": _ntm(access="sparse", top_k=3, read_first=True, num_reads=2),
    "sparse-ntm-reads-not-fed": _ntm(access="sparse", feed_reads=False, num_reads=2),
    "sparse-ntm-clipped": _ntm(
        access="sparse", clip_controller_gradient=0.1, clip_weighting_gradient=0.1, num_reads=2
    ),
    "sparse-ntm-learned-start": _ntm(access="sparse", learn_initial_state=True, num_layers=2),
    "sparse-ntm-learned-memory": _ntm(access="sparse", learn_initial_memory=True, num_reads=2),
    "dnc": _dnc(),
    "dnc-1-read": _dnc(num_reads=1),
    "dnc-feedforward": _dnc(controller="feedforward", num_layers=2),
    "dnc-own-controller": _own(_dnc(), 2),
    "dnc-2-layers": _dnc(num_layers=2),
    "dnc-learned-start": _dnc(learn_initial_state=True),
    "dnc-reads-not-fed": _dnc(feed_reads=False, controller="feedforward", num_layers=2),
    "dnc-no-links": _dnc(temporal_links=False),
    "dnc-masked-lookup": _dnc(masked_lookup=True, mask_min=0.1),
    "dnc-deallocation": _dnc(deallocation=True),
    "dnc-link-sharpening": _dnc(link_sharpening=True),
    "dnc-interface-norm": _dnc(interface_norm=True),
    "dnc-bypass-dropout": _dnc(bypass_dropout=0.3),
    "dnc-no-usage-gradient": _dnc(usage_gradient=False),
    "dnc-all-switches": _dnc(
        num_layers=2,
        learn_initial_state=True,
        masked_lookup=True,
        deallocation=True,
        link_sharpening=True,
        interface_norm=True,
    ),
    "dnc-no-links-masked": _dnc(temporal_links=False, masked_lookup=True, deallocation=True),
    "sparse-dnc": _dnc(access="sparse"),
    "sparse-dnc-feedforward": _dnc(access="sparse", top_k=2, controller="feedforward"),
    "sparse-dnc-no-links": _dnc(access="sparse", top_k=3, temporal_links=False, learn_initial_state=True),
    "sparse-dnc-clipped": _dnc(access="sparse", clip_weighting_gradient=0.1, interface_norm=True),
    "deep-lstm": lambda **more: DeepLSTM(INPUT, HIDDEN, output_size=OUTPUT, **more),
    "deep-lstm-zero-start": lambda **more: DeepLSTM(
        INPUT, HIDDEN, output_size=OUTPUT, **({"num_layers": 1, "learn_initial_state": False} | more)
    ),
}


class Case(NamedTuple):
    """A machine on a backend."""

    name: str
    backend: str

    def __str__(self) -> str:
        return f"{self.name}-{self.backend}"

    def build(self, dtype: torch.dtype = torch.float64, **more: Any) -> Machine:
        """The machine in evaluation mode, with weights so large that every gate and every head matters."""
        torch.manual_seed(1)
        machine = MACHINES[self.name](backend=self.backend, **more).to(dtype)
        generator = torch.Generator().manual_seed(2)
        with torch.no_grad():
            for parameter in machine.parameters():
                parameter += 0.5 * torch.randn(parameter.shape, generator=generator).to(dtype)
        return machine.eval()

    @property
    def has_memory(self) -> bool:
        return not self.name.startswith("deep-lstm")

    @property
    def own_controller(self) -> bool:
        return "own-controller" in self.name

    @property
    def has_kernel(self) -> bool:
        return not self.own_controller

    @property
    def sparse(self) -> bool:
        """Whether access is sparse."""
        return self.name.startswith("sparse")

    @property
    def is_dnc(self) -> bool:
        return self.name.removeprefix("sparse-").startswith("dnc")


def cases(wanted: Callable[[Case], bool] = lambda _: True) -> list[Case]:
    """The machines on the backends that can run them."""
    every = [Case(name, backend) for backend in BACKENDS for name in MACHINES]
    return [case for case in every if wanted(case) and (case.has_kernel or case.backend != "native")]


def inputs(steps: int, batch_size: int, dtype: torch.dtype = torch.float64, seed: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(steps, batch_size, INPUT, generator=generator).to(dtype)


def random_state(machine: Machine, batch_size: int, seed: int = 4, memory_size: int | None = None) -> Any:
    """A state such as a run might leave: weightings sum to 0.9, usages in (0, 1), links off the diagonal."""
    generator = torch.Generator().manual_seed(seed)
    state = machine.initial_state(batch_size, memory_size)
    state = map_state(
        lambda field: 0.7 * torch.randn(field.shape, generator=generator, dtype=field.dtype), state
    )
    fields = state._asdict()
    for name in ("precedence", "write_weights", "read_weights"):
        if name in fields:
            fields[name] = 0.9 * fields[name].softmax(-1)
    if isinstance(state, SparseNTMState | SparseDNCState):  # times of access, of which some tie
        fields["usage"] = torch.randint(0, 6, state.usage.shape, generator=generator).to(state.usage)
        for name in ("before", "after") if isinstance(state, SparseDNCState) else ():
            weights, where = fields[f"{name}_weights"], fields[f"{name}_slots"]
            slots = torch.arange(where.shape[-1]).expand_as(where)
            rows = torch.arange(where.shape[-2]).unsqueeze(-1)
            linked = (slots < where.shape[-2]) & (
                slots != rows
            )  # a run links a slot to another one, and once
            # The largest first.
            fields[f"{name}_weights"] = (0.9 * weights.softmax(-1) * linked).sort(descending=True).values
            order = torch.argsort(~linked, dim=-1, stable=True)
            fields[f"{name}_slots"] = (slots * linked).gather(-1, order).to(where)
    elif "usage" in fields:
        fields["usage"] = fields["usage"].sigmoid()
        link = (0.9 / max(1, fields["link"].shape[-1])) * fields["link"].sigmoid()
        fields["link"] = link - torch.diag_embed(link.diagonal(dim1=-2, dim2=-1))
    return type(state)(**fields)


def tensors(state: Any) -> Iterator[Tensor]:
    """The tensors of nested tuples, in order."""
    for field in state:
        if isinstance(field, Tensor):
            yield field
        elif field is not None:
            yield from tensors(field)


def assert_same(found: Any, expected: Any, tolerance: float = 1e-12) -> None:
    """Equal tensors, or equally built tuples of them."""
    if isinstance(expected, Tensor):
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
        return
    assert type(found) is type(expected)
    for name, a, b in zip(getattr(expected, "_fields", range(len(expected))), found, expected, strict=True):
        try:
            assert_same(a, b, tolerance)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None


def pick(state: Any, index: int | slice) -> Any:
    """Some sequences of a batched state."""
    return map_state(lambda field: field[index], state)


def join(states: list[Any]) -> Any:
    """Unbatched states as one batched state."""
    return map_state(lambda *fields: torch.stack(fields), *states)
