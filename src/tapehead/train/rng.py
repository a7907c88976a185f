"""The random numbers of a run: from PyTorch's global generators, without changing them for the caller."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch


class RandomState:
    """States of PyTorch's global generators, of the CPU and of one device, that belong to a run.

    Modules such as dropout draw from the global generators. Inside :meth:`active` these have the run's
    states, outside they have the caller's.

    Args:
        seed: of both generators.
        device: on which the run trains.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._device = device
        self._cpu = torch.Generator().manual_seed(seed).get_state()
        self._cuda = torch.Generator(device).manual_seed(seed).get_state() if device.type == "cuda" else None
        self._is_active = False

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Use these states in the block, and afterwards the caller's again."""
        with torch.random.fork_rng(devices=[] if self._cuda is None else [self._device]):
            torch.set_rng_state(self._cpu)
            if self._cuda is not None:
                torch.cuda.set_rng_state(self._cuda, self._device)
            self._is_active = True
            try:
                yield
            finally:
                self._read()
                self._is_active = False

    def state_dict(self) -> dict[str, Any]:
        """The present states: uint8 tensors."""
        if self._is_active:
            self._read()
        states = {"torch": self._cpu}
        return states if self._cuda is None else states | {"cuda": self._cuda}

    def load_state_dict(self, states: Mapping[str, Any]) -> None:
        """Continue where the run that made this ``state_dict`` was; call it outside :meth:`active`.

        Raises:
            KeyError: a state is missing.
            RuntimeError: a state is not one of a generator.
        """
        torch.Generator().set_state(states["torch"])  # Raises if it is no state.
        self._cpu = states["torch"]
        if self._cuda is not None and "cuda" in states:
            self._cuda = states["cuda"]

    def _read(self) -> None:
        self._cpu = torch.get_rng_state()
        if self._cuda is not None:
            self._cuda = torch.cuda.get_rng_state(self._device)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the CPU's global generator for the block; afterwards it has the caller's state again."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
