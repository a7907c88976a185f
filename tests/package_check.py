"""Install the wheel in fresh environments and try it: `make package` runs this.

    python tests/package_check.py DIST [PYTHON ...]

Without names of interpreters it takes every supported Python on the PATH.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

SUPPORTED = ("python3.11", "python3.12", "python3.13", "python3.14")
NEEDED = (
    "hub/weights/ntm-copy/model.safetensors",
    "knowledge/data/london.csv",
    "engine/native/csrc/",
    "py.typed",
)
TRY = """
import tapehead, torch
assert "site-packages" in tapehead.__file__, tapehead.__file__
y, state = tapehead.load("ntm-copy")(torch.zeros(3, 1, 10))
assert y.shape == (3, 1, 9)
"""


def main(dist: Path, pythons: list[str]) -> None:
    """Check the wheel's contents, then install and try it everywhere."""
    (wheel,) = dist.glob("*.whl")
    inside = zipfile.ZipFile(wheel).namelist()
    for needed in NEEDED:
        assert any(f"tapehead/{needed}" in name for name in inside), f"{wheel.name} has no {needed}"
    foreign = [name for name in inside if not name.startswith(("tapehead/", "tapehead-"))]
    assert not foreign, f"{wheel.name} has {foreign[0]}, which is not the package's"
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {len(inside)} files")
    tried = [python for python in pythons or SUPPORTED if _try(python, wheel.resolve())]
    assert tried, "no Python to install the wheel in"


def _try(python: str, wheel: Path) -> bool:
    """Whether ``python`` is here; an error if the wheel does not work in it."""
    if shutil.which(python) is None or subprocess.run([python, "--version"], capture_output=True).returncode:
        print(f"{python}: not here")
        return False
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-m", "venv", folder], check=True)
        fresh = Path(folder) / "bin" / "python"
        pip = [fresh, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        constraints = Path(__file__).parents[1] / "constraints.txt"
        subprocess.run([*pip, "-c", constraints, f"{wheel}[knowledge]"], check=True)
        # Not the checkout's package: the environment's own.
        clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        for command in (
            [fresh, "-m", "tapehead", "--version"],
            [fresh.parent / "tapehead", "models"],
            [fresh, "-c", TRY],
            [fresh, "-m", "tapehead", "ask", "london", "shortest path from Paddington to Bank"],
        ):
            done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True)
            assert done.returncode == 0, f"{python}: {command}: {done.stderr}"
    print(f"{python}: installed and tried")
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
