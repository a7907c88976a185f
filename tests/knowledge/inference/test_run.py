"""Whatever layout and mode a machine is in, its answers are the same, and it stays as it was."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tapehead import DNC, NTM, hub
from tapehead.knowledge import Answer, ask, read
from tapehead.knowledge.evaluation.graphs import score_given, score_random
from tapehead.knowledge.evaluation.kinship import score_kinship
from tapehead.knowledge.inference.answer import NetworkAnswer
from tapehead.knowledge.inference.kinship_answer import KinshipAnswer, play
from tapehead.knowledge.inference.run import run_time_first
from tapehead.nn import DeepLSTM, Machine, evaluation_mode
from tapehead.tasks import Inference, Kinship, ShortestPath, Traversal
from tapehead.tasks.base import Task
from tapehead.tasks.graph.fixed import FixedGraph
from tapehead.tasks.kinship.population import random_tree

QUESTIONS = {
    "ntm-kinship": ("family", "Who is Johann Sebastian Bach's maternal grandfather?"),
    "dnc-traversal": ("london", "from Bond Street take Central, Circle, Circle: where am I?"),
    "dnc-shortest-path": ("london", "shortest path from Moorgate to Piccadilly Circus"),
}
SHIPPED = sorted(QUESTIONS.keys() & set(hub.names()))
SIZES = {"min_nodes": 5, "max_nodes": 8, "min_degree": 1, "max_degree": 2, "max_path": 3}
LONDON = FixedGraph(tuple(read("london").edges.edges))

MACHINES: dict[str, Callable[..., Machine]] = {
    "DNC": lambda **options: DNC(
        options.pop("input_size"),
        8,
        output_size=options.pop("output_size"),
        memory_size=16,
        word_size=6,
        num_reads=2,
        **options,
    ),
    "NTM": lambda **options: NTM(
        options.pop("input_size"),
        8,
        output_size=options.pop("output_size"),
        memory_size=16,
        word_size=6,
        **options,
    ),
    "DeepLSTM": lambda **options: DeepLSTM(
        options.pop("input_size"), 8, output_size=options.pop("output_size"), **options
    ),
}


def machines(kind: str, **sizes: int) -> tuple[Machine, Machine]:
    """The same weights twice: time first, and batch first."""
    torch.manual_seed(0)
    plain = MACHINES[kind](**sizes).eval()
    batch_first = MACHINES[kind](**sizes, batch_first=True).eval()
    batch_first.load_state_dict(plain.state_dict())
    return plain, batch_first


def refuse_training(machine: nn.Module, *_: Any) -> None:
    """A hook: dropout, say, would make of the machine's outputs what nobody asked for."""
    assert not any(part.training for part in machine.modules())


def put_into_training(machine: Machine) -> dict[str, bool]:
    """Put some of its parts into training mode; which ones."""
    machine.train()
    parts = list(machine.modules())
    for part in parts[1::2]:
        part.training = False
    return {name: part.training for name, part in machine.named_modules()}


def same(one: Any, other: Any) -> None:
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", MACHINES)
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("return_trace", [True, False])
def test_layouts_agree(kind: str, batched: bool, return_trace: bool) -> None:
    return_trace &= kind != "DeepLSTM"
    plain, batch_first = machines(kind, input_size=5, output_size=4)
    x = torch.randn(7, 3, 5) if batched else torch.randn(7, 5)
    lengths = [7, 2, 5] if batched else None
    options: dict[str, Any] = {"lengths": lengths, "memory_size": 20, "return_trace": return_trace}
    one, other = (run_time_first(machine, x, **options) for machine in (plain, batch_first))
    assert one[0].shape == (*x.shape[:-1], 4)
    assert (one[2] is not None) == return_trace
    for a, b in zip(one, other):
        same(a, b)
    # And on from the state.
    same(*(run_time_first(machine, x, one[1])[0] for machine in (plain, batch_first)))
    direct, _ = plain(x, lengths=lengths, **({} if kind == "DeepLSTM" else {"memory_size": 20}))
    same(one[0], direct.detach())
    assert not one[0].requires_grad
    assert (plain.batch_first, batch_first.batch_first) == (False, True)


def test_the_mode_of_every_part_is_restored() -> None:
    machine, _ = machines("DNC", input_size=5, output_size=4)
    before = put_into_training(machine)
    assert len(set(before.values())) == 2
    run_time_first(machine, torch.zeros(2, 1, 5))
    assert {name: part.training for name, part in machine.named_modules()} == before
    with evaluation_mode(machine):
        refuse_training(machine)
    assert {name: part.training for name, part in machine.named_modules()} == before
    with pytest.raises(ValueError, match="features"):
        run_time_first(machine, torch.zeros(2, 1, 6))
    assert {name: part.training for name, part in machine.named_modules()} == before


def read_weights(answer: Answer) -> Tensor:
    network = answer.network
    if isinstance(network, KinshipAnswer):  # of a large family no trace is kept
        network = play(network).network
    assert isinstance(network, NetworkAnswer)
    return network.trace.read_weights


@pytest.mark.parametrize("name", SHIPPED)
def test_ask(name: str) -> None:
    """The issue's case: London Bridge with a confidence of 5e-15, where it is Oxford Circus."""
    data, question = QUESTIONS[name]
    graph = read(data)
    expected = ask(graph, question, model=hub.load(name))
    machine = type(hub.load(name)).from_pretrained(hub.find(name), batch_first=True)
    machine.register_forward_pre_hook(refuse_training)
    before = put_into_training(machine)
    answer = ask(graph, question, model=machine)
    assert answer.answers == expected.answers
    assert answer.confidence == pytest.approx(expected.confidence, rel=1e-3)
    assert answer.facts_read == expected.facts_read
    same(read_weights(answer), read_weights(expected))
    assert machine.batch_first
    assert {name: part.training for name, part in machine.named_modules()} == before
    assert all(parameter.grad is None for parameter in machine.parameters())


def _random_tasks() -> list[Task]:
    return [
        Traversal(**SIZES),
        Inference(**SIZES, planning_steps=3),
        ShortestPath(**SIZES, planning_steps=3),
        ShortestPath(**SIZES, planning_steps=3, scratchpad=True),
        Kinship(),
    ]


@pytest.mark.parametrize(
    "task", _random_tasks(), ids=lambda task: f"{task.name}-{getattr(task, 'scratchpad', '')}"
)
def test_scores(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that evaluation makes of a machine's outputs depends on nothing but its weights."""
    plain, batch_first = machines("DNC", input_size=task.input_size, output_size=task.output_size)
    seen: list[list[Tensor]] = []
    for machine in (plain, batch_first):
        outputs: list[Tensor] = []
        seen.append(outputs)

        def note(module: Machine, _: Any, result: Any, outputs: list[Tensor] = outputs) -> None:
            refuse_training(module)
            outputs.append(result[0].transpose(0, 1) if module.batch_first else result[0])

        hook = machine.register_forward_hook(note)
        before = put_into_training(machine)
        if isinstance(task, Kinship):
            tree = random_tree(np.random.default_rng(0), 30)
            score_kinship(machine, tree, lengths=(2,), questions=2)
        else:
            score_random(machine, task, episodes=2)  # type: ignore[arg-type]
            if isinstance(task, Traversal | ShortestPath):
                score_given(machine, task, LONDON, steps=2, episodes=1)
        hook.remove()
        assert {name: part.training for name, part in machine.named_modules()} == before
    assert len(seen[0]) == len(seen[1]) > 0
    for one, other in zip(*seen):
        same(one, other)
