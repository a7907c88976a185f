"""An NTM that begins as a memory which looks things up."""

from typing import Any

import pytest
import torch

from tapehead import NTM

OPTIONS: list[dict[str, Any]] = [
    {},
    {"num_layers": 2, "num_writes": 2},
    {"write_gate": True},
]


def machine(**options: Any) -> NTM:
    torch.manual_seed(0)
    sizes = {"output_size": 5, "memory_size": 24, "word_size": 32, "num_reads": 2}
    return NTM(12, 64, **(sizes | options), controller="feedforward", init="lookup")


def things(*order: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(order), 12).float().unsqueeze(1).expand(-1, 3, -1)


@torch.no_grad()
@pytest.mark.parametrize("options", [*OPTIONS, {"max_shift": 2}, {"max_shift": 3, "num_writes": 3}], ids=str)
def test_write_heads_move_one_slot_in_every_step(options: dict[str, Any]) -> None:
    _, _, trace = machine(**options)(things(*range(8)), return_trace=True)
    expected = torch.arange(1, 9)[:, None].expand(8, 3)
    assert torch.equal(trace.write_weights[:, :, 0].argmax(-1), expected)


@torch.no_grad()
def test_further_write_heads_look_up() -> None:
    ntm = machine(read_first=True, num_writes=2, write_gate=True)
    features, _, _ = ntm.features(things(*range(12), 4))
    assert bool((ntm.write_gate_logits(features)[..., 1] < -2).all()), "they do not write at first"
    assert ntm.config.write_gate
    ungated = machine(read_first=True, num_writes=2)
    _, _, trace = ungated(things(*range(12), 4), return_trace=True)
    assert bool((trace.write_weights[-1, :, 1].argmax(-1) == 5).all())


@torch.no_grad()
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_reads_find_what_is_like_the_input(options: dict[str, Any]) -> None:
    """With ``read_first`` the fifth of twelve things, when it comes again, is found where it was written."""
    _, _, trace = machine(**options, read_first=True)(things(*range(12), 4), return_trace=True)
    assert bool((trace.read_weights[-1, :, 1].argmax(-1) == 5).all())
    assert bool((trace.read_gates[:, :, 1] > 0.99).all()), "reads go by content"


@torch.no_grad()
def test_the_first_of_several_reads_goes_as_much_by_its_last_place() -> None:
    _, _, trace = machine(read_first=True)(things(*range(12), 4), return_trace=True)
    assert bool((trace.read_gates[:, :, 0] - 0.5).abs().max() < 0.2)
    _, _, alone = machine(read_first=True, num_reads=1)(things(*range(12), 4), return_trace=True)
    assert bool((alone.read_gates > 0.99).all())


@torch.no_grad()
@pytest.mark.parametrize(("word_size", "most"), [(12, 0.1), (32, 0.1), (6, 1.0)])
def test_words_of_things_with_nothing_in_common_are_as_unlike_as_they_can_be(
    word_size: int, most: float
) -> None:
    ntm = machine(word_size=word_size)
    features, _, _ = ntm.features(things(*range(12)))
    added = ntm._split(ntm.interface(features[:, 0])).writes.add
    assert added is not None
    words = torch.nn.functional.normalize(added[:, 0].tanh(), dim=-1)
    likeness = float((words @ words.T - torch.eye(12)).abs().max())
    # Twelve directions do not fit into six numbers at right angles.
    assert most / 3 < likeness < most if word_size < 12 else likeness < most


def test_drawn_anew_it_begins_the_same_way() -> None:
    ntm = machine(read_first=True)
    ntm.reset_parameters()
    with torch.no_grad():
        _, _, trace = ntm(things(*range(12), 4), return_trace=True)
    assert bool((trace.read_weights[-1, :, 1].argmax(-1) == 5).all())


def test_every_weight_can_learn() -> None:
    ntm = machine(write_gate=True)
    y, _ = ntm(things(0, 1, 2, 0))
    y.square().sum().backward()
    for name, parameter in ntm.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.any()), name


def test_another_controller_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs the feed-forward controller.*LSTMController"):
        NTM(12, 64, init="lookup")


def test_saved_and_loaded(tmp_path: Any) -> None:
    ntm = machine()
    ntm.save_pretrained(tmp_path)
    assert ntm.config.init == "lookup"
    x = torch.randn(4, 2, 12)
    torch.testing.assert_close(NTM.from_pretrained(tmp_path)(x)[0], ntm(x)[0])
