"""The Triton kernels compiled ahead of time, without a GPU: they build, and no register spills."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.triton

# In a process of its own: where the interpreter is on, Triton compiles nothing. What a run would launch is
# caught on the way, and compiled for its very arguments: as a launch does, Triton looks at where they begin,
# for at a multiple of 16 bytes a thread takes several numbers at once, and holds other ones.
PROGRAM = """
import json, subprocess, sys, tempfile
from pathlib import Path
import torch, triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, make_backend
from triton.runtime.jit import create_function_from_signature
import tapehead
from tapehead.engine.triton import sequence, whole

(ptxas,) = Path(triton.__file__).parent.glob("backends/nvidia/bin/ptxas-blackwell")
launched = {}


def catch(kernel, *arguments, grid, warmup, **named):
    launched[kernel.__name__] = kernel, arguments, named


def build(kernel, arguments, named, target):
    backend = make_backend(target)
    bind = create_function_from_signature(kernel.signature, kernel.params, backend)
    options, *known = kernel._pack_args(backend, named, *bind(*arguments, **named))
    built = triton.compile(ASTSource(kernel, *known), target=target, options=options.__dict__)
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(built.asm["ptx"])
        file.flush()
        architecture = f"sm_{target.arch}" + ("a" if target.arch >= 90 else "")
        command = [ptxas, "-v", f"--gpu-name={architecture}", "-o", "/dev/null", file.name]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    words = said.replace(",", " ").split()
    spilled = sum(int(words[i - 2]) for i, word in enumerate(words) if word == "spill")
    return {"registers": int(words[words.index("Used") + 1]), "spilled": spilled}


triton.runtime.JITFunction.run = catch
capability, *machines = json.loads(sys.argv[1])
target = GPUTarget("cuda", capability, 32)
found = []
for kind, dtype, weight_limit, arguments in machines:
    machine = getattr(tapehead, kind)(9, output_size=8, dtype=getattr(torch, dtype), **arguments)
    whole.WEIGHT_LIMIT = weight_limit
    launched.clear()
    x = torch.zeros(5, 2, 9, dtype=getattr(torch, dtype), requires_grad=True)
    features, _, _ = sequence.run(machine.kernel_spec(), x, machine.initial_state(2), None, None)
    features.sum().backward()
    found.append({name: build(*call, target) for name, call in launched.items()})
print(json.dumps(found))
"""

Machine = tuple[str, str, int, dict[str, Any]]
"""(kind, dtype, the weight limit of the kernels for whole sequences, the machine's arguments)."""
SMALL: dict[str, Any] = {
    "hidden_size": 100,
    "memory_size": 128,
    "word_size": 20,
    "clip_weighting_gradient": 1e3,
}
"""As in the presets for training."""
NTM: Machine = ("NTM", "float32", 1 << 17, SMALL)
BY_STEPS: Machine = ("NTM", "float32", 0, SMALL | {"word_size": 32, "controller": "feedforward"})
DNC: Machine = (
    "DNC",
    "float32",
    1 << 17,
    {"hidden_size": 128, "memory_size": 128, "word_size": 32, "num_reads": 4},
)
ALL_OF_DNC = {"dnc_forward", "dnc_write_again", "dnc_backward", "cell_forward", "cell_backward"}


def _changed(machine: Machine, **arguments: Any) -> Machine:
    return (*machine[:3], machine[3] | arguments)


def _build(capability: int, *machines: Machine) -> list[dict[str, dict[str, int]]]:
    pytest.importorskip("triton")
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_DEFAULT_FP_FUSION": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([capability, *machines])],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout)


def _assert_nothing_spills(found: list[dict[str, dict[str, int]]]) -> None:
    spilling = [
        (name, numbers) for kernels in found for name, numbers in kernels.items() if numbers["spilled"]
    ]
    assert not spilling, f"bytes a thread: {spilling}"


@pytest.mark.parametrize("capability", [80, 90, 100])
def test_up_to_128_slots_of_32_nothing_spills(capability: int) -> None:
    wide = _changed(NTM, word_size=32)
    machines = [DNC, BY_STEPS, NTM, wide, _changed(NTM, controller="feedforward")]
    found = _build(capability, *machines)
    assert set(found[0]) == ALL_OF_DNC
    assert set(found[1]) == {"ntm_forward", "ntm_write_again", "ntm_backward"}
    assert all(set(kernels) == {"ntm_sequence_forward", "ntm_sequence_backward"} for kernels in found[2:])
    _assert_nothing_spills(found)


def test_every_switch_builds() -> None:
    """On one architecture, with several heads and layers, and an odd size; one NTM may spill a little."""
    odd = {"memory_size": 101, "word_size": 31, "num_reads": 2, "num_layers": 2}
    clipped = {"clip_weighting_gradient": 0.5, "clip_controller_gradient": 0.5}
    masked = {"masked_lookup": True, "mask_min": 0.1, "deallocation": True, "link_sharpening": True}
    dnc = _changed(DNC, **odd, **clipped, **masked, usage_gradient=False, interface_norm=True)
    unlinked = _changed(DNC, **odd, temporal_links=False)
    more = {"num_writes": 2, "max_shift": 2, "write_gate": True, "read_first": True, "hidden_size": 50}
    ntm = _changed(NTM, **odd, **clipped, **more)
    by_steps = (*ntm[:2], 0, ntm[3])
    half = (NTM[0], "bfloat16", *NTM[2:])  # only the kernels for a whole sequence see any
    found = _build(90, dnc, unlinked, ntm, by_steps, half)
    assert [len(kernels) for kernels in found] == [5, 5, 2, 5, 2]
    _assert_nothing_spills(found[:2] + found[3:])
