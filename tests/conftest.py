"""What all tests share: one thread, fixed seeds, GPU tests skipped where there is none."""

import os

# Before torch is imported, and for the subprocesses that some tests start.
os.environ["OMP_NUM_THREADS"] = "1"

import hypothesis
import pytest
import torch

torch.set_num_threads(1)
hypothesis.settings.register_profile("tapehead", deadline=None, derandomize=True)
hypothesis.settings.load_profile("tapehead")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    no_gpu = pytest.mark.skip(reason="needs a CUDA device")
    slow = pytest.mark.skip(reason="slow: run with -m slow")
    for item in items:
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(no_gpu)
        if item.get_closest_marker("slow") and not config.option.markexpr:
            item.add_marker(slow)
        if item.get_closest_marker("triton") and os.environ.get("TRITON_INTERPRET") != "1":
            item.add_marker(pytest.mark.skip(reason="needs Triton: run make test-triton"))


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
