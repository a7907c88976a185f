"""The controllers: the papers' deep LSTM, feed-forward, and one of the user's own."""

import pytest
import torch
from torch import nn

from tapehead import DNC, NTM
from tapehead.nn import DeepLSTM, FeedforwardController, LSTMController
from tests.nn.machines import GRUController, assert_same, inputs


def test_one_layer_is_nn_lstm() -> None:
    torch.manual_seed(0)
    ours = DeepLSTM(3, 5, output_size=2, num_layers=1, learn_initial_state=False).double()
    theirs = nn.LSTM(3, 5).double()
    layer = ours.controller.layers[0]
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(layer.weight[:, :3])
        theirs.weight_hh_l0.copy_(layer.weight[:, 3:])
        theirs.bias_ih_l0.copy_(layer.bias)
        theirs.bias_hh_l0.zero_()
    x = inputs(6, 2)
    y, (((hidden, cell),),) = ours(x)
    expected, (end_hidden, end_cell) = theirs(x)
    assert_same(y, ours.output_from_controller(expected))
    assert_same((hidden, cell), (end_hidden[0], end_cell[0]))


def test_the_skip_connections() -> None:
    """Layer l sees [χ; its own h; h of the layer below]; the output is every layer's h."""
    controller = LSTMController(4, 5, 3).double()
    assert controller.output_size == 15
    assert [layer.in_features for layer in controller.layers] == [4 + 5, 4 + 5 + 5, 4 + 5 + 5]
    x = torch.randn(2, 4, dtype=torch.float64)
    state = controller.initial_state(2, x.device, x.dtype)
    for _ in range(2):
        output, new = controller(x, state)
        below = x.new_zeros(2, 0)
        for index, (layer, (hidden, cell)) in enumerate(zip(controller.layers, state, strict=True)):
            i, f, g, o = layer(torch.cat([x, hidden, below], -1)).chunk(4, -1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            below = o.sigmoid() * cell.tanh()
            assert_same(new[index], (below, cell))
            assert_same(output[:, 5 * index : 5 * index + 5], below)
        state = new


def test_the_feedforward_controller() -> None:
    controller = FeedforwardController(4, 5, 2).double()
    x = torch.randn(3, 4, dtype=torch.float64)
    output, state = controller(x, ())
    first = controller.layers[0](x).tanh()
    assert state == ()
    assert_same(output, torch.cat([first, controller.layers[1](torch.cat([x, first], -1)).tanh()], -1))


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        ((10, 256, 9), 1_352_969),
        ((8, 512, 7), 5_312_007),
        ((8, 256, 6), 1_344_518),
        ((1, 128, 1), 331_905),
    ],
    ids=["copy", "repeat-copy", "recall", "n-grams"],
)
def test_the_published_baselines(sizes: tuple[int, int, int], count: int) -> None:
    inputs, hidden, outputs = sizes
    baseline = DeepLSTM(inputs, hidden, output_size=outputs, device="meta")
    assert sum(parameter.numel() for parameter in baseline.parameters()) == count


@pytest.mark.parametrize("kind", [NTM, DNC])
def test_a_controller_of_ones_own(kind: type) -> None:
    """Is one submodule, under one name, and trains with the machine."""
    controller = GRUController(3 + 8, 5)
    machine = kind(
        3,
        5,
        output_size=2,
        memory_size=7,
        word_size=4,
        num_reads=2,
        controller=controller,
        backend="reference",
    )
    assert machine.controller is controller
    names = [name for name, _ in machine.named_parameters(remove_duplicate=False) if "weight_ih" in name]
    assert names == ["controller.cell.weight_ih"]
    y, state = machine(torch.randn(4, 2, 3))
    assert [field.shape for layer in state.controller for field in layer] == [(2, 5)]
    y.sum().backward()
    assert controller.cell.weight_ih.grad.abs().max() > 0


def test_its_output_size_counts_not_hidden_size() -> None:
    machine = NTM(
        3,
        99,
        output_size=2,
        memory_size=7,
        word_size=4,
        controller=GRUController(3 + 4, 6),
        backend="reference",
    )
    assert machine.interface.in_features == 6
    assert machine(torch.randn(4, 2, 3))[0].shape == (4, 2, 2)
