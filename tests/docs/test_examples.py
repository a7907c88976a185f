"""The examples for other libraries run, where the library is there."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str) -> Any:
    """An example as a module; the libraries that it needs are there."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore")  # of the libraries' own
def test_lightning() -> None:
    pytest.importorskip("lightning")
    before, after = example("lightning_copy").main(updates=250)
    assert after < 0.9 * before


@pytest.mark.filterwarnings("ignore")
def test_transformers() -> None:
    pytest.importorskip("transformers")
    before, after = example("hf_trainer").main(updates=250)
    assert after < 0.9 * before


@pytest.mark.filterwarnings("ignore")
def test_gymnasium() -> None:
    """Above what any agent without a memory can have, 1 in 4."""
    pytest.importorskip("gymnasium")
    assert example("recurrent_ppo").main(iterations=60) > 0.5


@pytest.mark.filterwarnings("ignore")
def test_onnx() -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    assert example("onnx_step").main() == 0


@pytest.mark.filterwarnings("ignore")
def test_export() -> None:
    assert example("export_program").main() == 0
