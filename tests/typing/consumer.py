"""What a user writes, for type checkers: `make check` reads this file with ``mypy --strict``.

``assert_type`` says what the checker has to find; a line marked ``type: ignore`` has to be an error.
"""

from typing import assert_type

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence

import tapehead
from tapehead import DNC, NTM, DNCState, NTMState, Trace
from tapehead.knowledge import Answer, KnowledgeGraph
from tapehead.nn import DNCConfig, Machine
from tapehead.types import map_state


def machines() -> None:
    dnc = DNC(10, 128, output_size=9, word_size=20, num_reads=4, interface_norm=True, dtype=torch.float64)
    assert_type(dnc, DNC)
    DNC(10, 128, 9)  # type: ignore[call-arg]  # the third is no output size
    DNC(10, 128, beam_size=3)  # type: ignore[call-arg]
    NTM(10, 128, max_shift="far")  # type: ignore[arg-type]
    assert_type(DNC.from_config(DNCConfig(10, 128, masked_lookup=True)), DNC)
    assert_type(NTM.from_pretrained("folder", batch_first=True), NTM)
    assert_type(dnc.config.mask_min, float)


def calls(x: Tensor) -> None:
    dnc, ntm = DNC(10, 128), NTM(10, 128)
    y, state = dnc.forward(x)
    assert_type(y, Tensor)
    assert_type(state, DNCState)
    _, _, trace = dnc.forward(x, state, return_trace=True)
    assert_type(trace, Trace)
    packed, of_the_ntm = ntm.forward(pack_sequence([x]))
    assert_type(packed, PackedSequence)
    assert_type(of_the_ntm, NTMState)
    dnc.forward(x, of_the_ntm)  # type: ignore[call-overload]
    assert_type(dnc.initial_state(3).read_weights.shape, torch.Size)


def states(state: DNCState) -> None:
    assert_type(state.to(torch.float64).detach().select([0, 2]), DNCState)
    assert_type(map_state(lambda tensor: tensor * 2, state), DNCState)


def front_door(graph: KnowledgeGraph) -> None:
    model = tapehead.load("ntm-kinship")
    assert_type(tapehead.ask(graph, "Who is Ada's mother?", model=model), Answer)
    layers: list[nn.Module] = [model]
    assert layers


def generic(machine: Machine[NTMState], x: Tensor) -> NTMState:
    return machine.forward(x)[1]
