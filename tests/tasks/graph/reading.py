"""Episodes read back from their channels, by code that shares nothing with what wrote them."""

import dataclasses
from collections.abc import Iterator

from torch import Tensor

from tapehead.tasks import Batch

Row = tuple[int | None, int | None, int | None]


def label(channels: list[float]) -> int | None:
    """Thirty channels as a label; None where it is blank."""
    if not any(channels):
        return None
    digits = [channels[start : start + 10] for start in (0, 10, 20)]
    assert all(sorted(digit) == [0.0] * 9 + [1.0] for digit in digits)
    return int("".join(str(digit.index(1.0)) for digit in digits))


def rows(channels: Tensor) -> list[Row]:
    """[T, ≥ 90] as triples."""
    return [(label(row[:30]), label(row[30:60]), label(row[60:90])) for row in channels.tolist()]


@dataclasses.dataclass
class Read:
    """One episode."""

    told: list[Row]
    """what the inputs say at each step"""
    wanted: dict[int, Row]
    """step → target"""
    phases: list[int]
    answering: list[int]

    @property
    def edges(self) -> list[tuple[int, int, int]]:
        """The graph: all that is told before the first phase."""
        found = [row for row in self.told[: self.phases[0]] if None not in row]
        assert len(found) == self.phases[0]
        return found  # type: ignore[return-value]

    @property
    def leads(self) -> dict[tuple[int, int], int]:
        """(node, edge label) → node."""
        leads = {(a, e): b for a, e, b in self.edges}
        assert len(leads) == len(self.edges), "two edges leave a node under one label"
        return leads

    @property
    def degrees(self) -> dict[int, int]:
        """Edges that leave each node."""
        sources = [source for source, _, _ in self.edges]
        return {source: sources.count(source) for source in sources}


def episodes(batch: Batch) -> Iterator[Read]:
    """Every episode of a batch."""
    for b, steps in enumerate(batch.lengths.tolist()):
        inputs, targets, counts = (field[:steps, b] for field in batch[:3])
        assert inputs.shape[1] == 92
        wanted = {t: row for t, row in enumerate(rows(targets)) if counts[t]}
        flags = inputs[:, 90:].tolist()
        yield Read(
            rows(inputs),
            wanted,
            [t for t, (phase, _) in enumerate(flags) if phase],
            [t for t, (_, asks) in enumerate(flags) if asks],
        )
