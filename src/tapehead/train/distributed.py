"""The processes of a run. This is the only place that knows accelerate."""

import os
from typing import Any

import torch
from torch import nn

from .errors import ConfigError


class Processes:
    """One process, or several that `torchrun` or `accelerate launch` started.

    The stream of batches is never handed over: accelerate would let rank 0 draw and broadcast each of them,
    whereas here every rank draws its own.

    Args:
        gpu: take the GPU where there is one, instead of the CPU.
    """

    def __init__(self, *, gpu: bool = False) -> None:
        from accelerate import Accelerator

        launched = int(os.environ.get("WORLD_SIZE", "1")) > 1
        # Without `cpu`, accelerate ignores the other processes of a launcher where there is no GPU.
        self._accelerator = Accelerator(cpu=not (gpu and torch.cuda.is_available()), mixed_precision="no")
        self.device: torch.device = self._accelerator.device
        self.rank: int = self._accelerator.process_index
        self.count: int = self._accelerator.num_processes
        if launched and self.count == 1:
            raise ConfigError(
                f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, but the processes do not find each other: "
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
        """Each value summed over the processes, in every process."""
        if self.count == 1:
            return list(values)
        own = torch.tensor(values, dtype=torch.float64, device=self.device)
        return self._accelerator.reduce(own, reduction="sum").tolist()

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process, in every process."""
        return self.sum(float(flag))[0] > 0

    def gather(self, thing: Any) -> list[Any]:
        """Every process's ``thing`` (plain data and tensors), by rank."""
        if self.count == 1:
            return [thing]
        from accelerate.utils import gather_object

        return gather_object([thing])

    def wait(self) -> None:
        """Until all processes are here."""
        self._accelerator.wait_for_everyone()

    def close(self) -> None:
        """Leave the process group."""
        self._accelerator.end_training()
