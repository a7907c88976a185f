"""The processes of a run. No other module uses accelerate."""

import atexit
import os
from typing import Any

import torch
from torch import nn

from .errors import ConfigError


def launched() -> bool:
    """Whether this is one of several processes that a launcher started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def _is_in_a_group() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def _leave() -> None:
    """Leave the other processes: one that ends while it is among them may be aborted."""
    if _is_in_a_group():
        torch.distributed.destroy_process_group()


class Distributed:
    """One process, or several that `torchrun` or `accelerate launch` started.

    Each process draws its own batches; accelerate would draw all of them in rank 0 and broadcast them.

    Args:
        gpu: use the GPU where there is one, instead of the CPU.
        said: a sentence on why it is this device; empty where there was nothing to choose.

    Raises:
        ConfigError: the environment names several processes that cannot reach each other.
    """

    said = ""

    def __init__(self, *, gpu: bool = False, said: str = "") -> None:
        from accelerate import Accelerator

        self.said = said
        joined = _is_in_a_group()
        # Without `cpu`, accelerate ignores the other processes of a launcher where there is no GPU.
        self._accelerator = Accelerator(cpu=not (gpu and torch.cuda.is_available()), mixed_precision="no")
        if _is_in_a_group() and not joined:
            atexit.register(_leave)
        self.device: torch.device = self._accelerator.device
        self.rank: int = self._accelerator.process_index
        self.count: int = self._accelerator.num_processes
        if launched() and self.count == 1:
            raise ConfigError(
                f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, but the processes cannot reach each other: "
                "start them with torchrun or accelerate launch"
            )

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files and the messages."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """``model`` on the device; with several processes, ``backward`` averages its gradients over them."""
        return self._accelerator.prepare_model(model)

    def sum(self, *values: int | float) -> list[Any]:
        """The sum over the processes of each value; the result is the same in every process."""
        if self.count == 1:
            return list(values)
        own = torch.tensor(values, dtype=torch.float64, device=self.device)
        return self._accelerator.reduce(own, reduction="sum").tolist()

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is True in any process; the result is the same in every process."""
        return self.sum(float(flag))[0] > 0

    def gather(self, data: Any) -> list[Any]:
        """The ``data`` (plain data and tensors) of all processes, by rank."""
        if self.count == 1:
            return [data]
        from accelerate.utils import gather_object

        return gather_object([data])

    def wait(self) -> None:
        """Wait until all processes have called this."""
        self._accelerator.wait_for_everyone()

    def close(self) -> None:
        """Leave the process group."""
        self._accelerator.end_training()
