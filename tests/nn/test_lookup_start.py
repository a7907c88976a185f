"""A DNC that begins as a memory which looks things up."""

from typing import Any

import pytest
import torch

from tapehead import DNC
from tapehead.nn import LSTMConfig
from tapehead.nn.controllers import build_controller, hold_first_unit
from tests.nn.machines import GRUController

CONTROLLERS: list[dict[str, Any]] = [
    {"controller": "lstm"},
    {"controller": "lstm", "num_layers": 2, "learn_initial_state": True},
    {"controller": "feedforward"},
    {"controller": "feedforward", "num_layers": 2, "temporal_links": False},
    {"controller": "lstm", "masked_lookup": True, "link_sharpening": True},
]


def machine(**options: Any) -> DNC:
    torch.manual_seed(0)
    return DNC(12, 64, output_size=5, memory_size=24, word_size=16, num_reads=2, init="lookup", **options)


@torch.no_grad()
@pytest.mark.parametrize("options", CONTROLLERS, ids=str)
def test_every_step_is_kept_in_a_slot_of_its_own(options: dict[str, Any]) -> None:
    _, _, trace = machine(**options)(torch.randn(20, 3, 12), return_trace=True)
    weight, slot = trace.write_weights.max(-1)
    assert bool((weight > 0.8).all())
    for b in range(3):
        assert len(set(slot[:, b].tolist())) == 20
    assert bool((trace.write_gates > 0.9).all())
    # The last write is counted with the next step.
    assert bool((trace.usage[-1].sort(-1).values[:, -19:] > 0.8).all()), "nothing is freed"
    if trace.read_gates is not None and options.get("temporal_links", True):
        assert bool((trace.read_gates[..., 1] > 0.5).all()), "reads go by content"


@torch.no_grad()
@pytest.mark.parametrize("controller", ["lstm", "feedforward"])
def test_keys_are_what_is_written(controller: str) -> None:
    _, _, trace = machine(controller=controller)(torch.randn(20, 3, 12), return_trace=True)
    own = trace.write_weights.argmax(-1)
    for head in range(2):
        assert torch.equal(trace.content_read_weights[:, :, head].argmax(-1), own)


@torch.no_grad()
def test_reads_find_what_is_like_the_input() -> None:
    """The fifth of twelve things comes again: beside its own slot, the reads find the fifth's."""
    dnc = machine(controller="feedforward")
    things = torch.nn.functional.one_hot(torch.arange(12), 12).float() * 4
    x = torch.cat([things, things[[4]]]).unsqueeze(1).expand(-1, 6, -1)
    _, _, trace = dnc(x, return_trace=True)
    slots = trace.write_weights.argmax(-1)
    for b in range(6):
        for head in range(2):
            top = trace.content_read_weights[-1, b, head].topk(2).indices.tolist()
            assert set(top) == {int(slots[4, b]), int(slots[12, b])}


@torch.no_grad()
@pytest.mark.parametrize("name", ["lstm", "feedforward"])
def test_the_first_unit_stands_still(name: str) -> None:
    controller = build_controller(
        LSTMConfig(6, 8, num_layers=2, controller=name, learn_initial_state=False), 0
    )
    value = hold_first_unit(controller)
    state = controller.initial_state(4, torch.device("cpu"), torch.float32)
    for _ in range(5):
        output, state = controller(torch.randn(4, 6), state)
        assert bool(((output[:, 0] - value).abs() < 0.1).all())
        assert float(output[:, 1].std()) > 0.01


def test_training_moves_everything() -> None:
    dnc = machine()
    y, _ = dnc(torch.randn(6, 2, 12))
    y.square().sum().backward()
    unit = dnc.controller.layers[0].weight.grad[0]
    assert float(unit.abs().sum()) > 0, "the unit that stands still may learn to move"
    assert float(dnc.interface.weight.grad[:, 0].abs().sum()) > 0


def test_a_controller_of_ones_own_has_no_first_unit() -> None:
    own = GRUController(12 + 2 * 16, 8)
    with pytest.raises(
        ValueError, match='init="lookup" needs a built-in controller, and GRUController is your own'
    ):
        DNC(12, 8, output_size=5, word_size=16, num_reads=2, controller=own, init="lookup")


def test_saved_and_loaded(tmp_path: Any) -> None:
    dnc = machine()
    dnc.save_pretrained(tmp_path)
    assert dnc.config.init == "lookup"
    x = torch.randn(4, 2, 12)
    torch.testing.assert_close(DNC.from_pretrained(tmp_path)(x)[0], dnc(x)[0])
