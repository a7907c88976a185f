"""The Triton kernels compiled ahead of time, without a GPU: they build, and nothing spills."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.triton

# In a process of its own: where the interpreter is on, Triton compiles nothing.
PROGRAM = """
import json, subprocess, sys, tempfile
from pathlib import Path
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from tapehead.engine.triton import cell, dnc, dnc_backward, ntm

KERNELS = {
    kernel.__name__: kernel
    for kernel in (
        ntm.ntm_forward, ntm.ntm_write_again, ntm.ntm_backward,
        dnc.dnc_forward, dnc.dnc_write_again, dnc_backward.dnc_backward,
        cell.cell_forward, cell.cell_backward,
    )
}
(ptxas,) = Path(triton.__file__).parent.glob("backends/nvidia/bin/ptxas-blackwell")


def build(name, constants, capability, warps):
    kernel = KERNELS[name]
    constants = {key: value for key, value in constants.items() if key in kernel.arg_names}
    signature = {key: "*fp32" for key in kernel.arg_names}
    signature |= {key: "constexpr" for key in constants} | {"LENGTHS": "*i64"}
    signature |= {key: "i32" for key in ("t", "src", "dst", "B") if key in signature}
    source = ASTSource(kernel, signature, constexprs=constants)
    built = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": warps})
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(built.asm["ptx"])
        file.flush()
        architecture = f"sm_{capability}" + ("a" if capability >= 90 else "")
        command = [ptxas, "-v", f"--gpu-name={architecture}", "-o", "/dev/null", file.name]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    words = said.replace(",", " ").split()
    spilled = sum(int(words[i - 2]) for i, word in enumerate(words) if word == "spill")
    return {"registers": int(words[words.index("Used") + 1]), "spilled": spilled}


print(json.dumps([build(*call) for call in json.loads(sys.argv[1])]))
"""

DNC: dict[str, Any] = {
    "N": 128,
    "W": 32,
    "READS": 4,
    "X": 247,
    "BN": 128,
    "BW": 32,
    "BL": 16,
    "MASK_MIN": 0.0,
    "LINKS": 1,
    "MASKED": 0,
    "DEALLOCATE": 0,
    "SHARPEN": 0,
    "USAGE_GRADIENT": 1,
    "BOUND": 0.0,
}
NTM: dict[str, Any] = {
    "N": 128,
    "W": 32,
    "READS": 1,
    "WRITES": 1,
    "S": 3,
    "BN": 128,
    "BW": 32,
    "BS": 4,
    "TINY": 1.1754943508222875e-38,
    "GATED": 0,
    "READ_FIRST": 0,
    "BOUND": 0.0,
}
CELL: dict[str, Any] = {"H": 128, "LAYERS": 1, "BLOCK": 256, "BOUND": 0.0}
KERNELS = {
    "ntm_forward": NTM,
    "ntm_write_again": NTM,
    "ntm_backward": NTM,
    "dnc_forward": DNC,
    "dnc_write_again": DNC,
    "dnc_backward": DNC,
    "cell_forward": CELL,
    "cell_backward": CELL,
}


def _build(calls: list[tuple[str, dict[str, Any], int, int]]) -> list[dict[str, int]]:
    pytest.importorskip("triton")
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_DEFAULT_FP_FUSION": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(calls)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout)


@pytest.mark.parametrize("capability", [80, 90, 100])
def test_nothing_spills_up_to_128_slots_of_32(capability: int) -> None:
    found = _build([(name, constants, capability, 8) for name, constants in KERNELS.items()])
    for name, numbers in zip(KERNELS, found, strict=True):
        assert numbers["spilled"] == 0, f"{name} spills {numbers['spilled']} bytes on sm_{capability}"
        assert numbers["registers"] <= 255, name


def test_every_switch_builds() -> None:
    """On one architecture, with several heads and an odd size."""
    dnc = DNC | {"N": 100, "W": 20, "READS": 2, "MASK_MIN": 0.1, "MASKED": 1, "DEALLOCATE": 1, "SHARPEN": 1}
    dnc |= {"USAGE_GRADIENT": 0, "BOUND": 0.5}
    ntm = NTM | {"N": 100, "W": 20, "READS": 2, "WRITES": 2, "S": 5, "BS": 8, "GATED": 1, "READ_FIRST": 1}
    calls = [("dnc_forward", dnc, 90, 8), ("dnc_backward", dnc, 90, 8)]
    calls += [("dnc_forward", dnc | {"LINKS": 0, "SHARPEN": 0}, 90, 8)]
    calls += [("ntm_forward", ntm, 90, 8), ("ntm_backward", ntm | {"BOUND": 0.5}, 90, 8)]
    assert len(_build(calls)) == len(calls)
