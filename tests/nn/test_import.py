"""``import tapehead`` stays light."""

import os
import subprocess
import sys
from pathlib import Path

HEAVY = (
    "accelerate",
    "beartype",
    "huggingface_hub",
    "matplotlib",
    "networkx",
    "safetensors",
    "tensorboard",
    "torch._dynamo",
    "torch._inductor",
    "torch.utils.tensorboard",
    "tqdm",
    "transformers",
    "tyro",
    "tapehead.cli",
    "tapehead.viz.figures",
    "tapehead.tasks",
    "tapehead.train",
    "tapehead.hub",
)


def _modules_after(statement: str) -> set[str]:
    code = f"import sys, torch; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return set(ran.stdout.split())


def test_it_brings_none_of_the_extras() -> None:
    loaded = _modules_after("import tapehead")
    assert "tapehead.nn.dnc" in loaded
    heavy = {name for name in loaded if any(name == h or name.startswith(f"{h}.") for h in HEAVY)}
    assert heavy == set()


def test_it_builds_no_kernel(tmp_path: Path) -> None:
    """The kernel is built at the first run, never at import."""
    environment = os.environ | {"TAPEHEAD_CACHE": str(tmp_path), "CXX": "no-such-compiler"}
    code = "import tapehead; tapehead.NTM(3, 5, output_size=2)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


def test_python_m_tapehead() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tapehead", "--version"], capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("tapehead ")
