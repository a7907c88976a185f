"""Figures of a trace: made for every machine, showing the trace's own numbers, legible."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from tapehead import DNC, NTM, tasks
from tapehead.nn import DeepLSTM, Machine
from tapehead.viz.figures import plot_trace, save_figures
from tapehead.viz.figures.panels import MAX_CHANNEL_LABELS
from tapehead.viz.slots import choose_slots

TASK = tasks.get("copy", max_length=5, num_bits=3)
SIZES = {"input_size": TASK.input_size, "hidden_size": 8, "output_size": TASK.output_size}

MACHINES: dict[str, tuple[Callable[[], Machine], list[str]]] = {
    "ntm": (lambda: NTM(**SIZES, memory_size=12, word_size=6), ["episode", "heads", "memory"]),
    "ntm-3-reads-2-writes": (
        lambda: NTM(**SIZES, memory_size=50, word_size=6, num_reads=3, num_writes=2, max_shift=2),
        ["episode", "heads", "memory"],
    ),
    "ntm-write-gate": (
        lambda: NTM(**SIZES, memory_size=12, word_size=6, write_gate=True),
        ["episode", "heads", "memory"],
    ),
    "ntm-5-heads": (
        lambda: NTM(**SIZES, memory_size=60, word_size=6, num_reads=5, num_writes=5),
        ["episode", "heads-1", "heads-2", "memory"],
    ),
    "dnc": (
        lambda: DNC(**SIZES, memory_size=12, word_size=6, num_reads=1),
        ["episode", "heads", "allocation", "memory"],
    ),
    "dnc-4-reads": (
        lambda: DNC(**SIZES, memory_size=50, word_size=6, num_reads=4),
        ["episode", "heads", "allocation", "memory"],
    ),
    "dnc-no-links": (
        lambda: DNC(**SIZES, memory_size=12, word_size=6, num_reads=2, temporal_links=False),
        ["episode", "heads", "allocation", "memory"],
    ),
    "dnc-switches": (
        lambda: DNC(
            **SIZES,
            memory_size=12,
            word_size=6,
            num_reads=2,
            masked_lookup=True,
            link_sharpening=True,
            deallocation=True,
        ),
        ["episode", "heads", "allocation", "memory"],
    ),
    "deep-lstm": (lambda: DeepLSTM(**SIZES), ["episode"]),
}
every_machine = pytest.mark.parametrize("name", MACHINES)


def _run(name: str, batch_size: int = 3) -> tuple[Any, tasks.Batch, torch.Tensor]:
    machine = MACHINES[name][0]()
    batch = tasks.Sampler(batch_size, seed=1).draw(TASK)
    y, _, *trace = machine(batch.inputs, lengths=batch.lengths, return_trace=machine.has_memory)
    return (trace[0] if trace else None), batch, y


def _titled(figure: Figure, title: str) -> Axes:
    """The panel of this title (without the note on slots)."""
    found = [axes for axes in figure.axes if axes.get_title(loc="left").partition(" (")[0] == title]
    assert len(found) == 1, (title, [axes.get_title(loc="left") for axes in figure.axes])
    return found[0]


def _values(axes: Axes) -> np.ndarray:
    return np.ma.filled(axes.images[0].get_array(), np.nan)


def _by_label(figures: list[Figure]) -> dict[str, Figure]:
    return {str(figure.get_label()): figure for figure in figures}


def _visible_texts(figure: Figure) -> Iterator[Text]:
    """The heading, and every panel's title, labels, tick labels and legend."""
    yield from figure.texts
    for axes in figure.axes:
        if not axes.axison:
            continue
        yield axes._left_title  # type: ignore[attr-defined]
        yield from axes.get_legend().get_texts() if axes.get_legend() else ()
        for axis in (axes.xaxis, axes.yaxis):
            yield axis.label
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if low <= tick.get_loc() <= high:
                    yield from (label for label in (tick.label1, tick.label2) if label.get_visible())


def _assert_legible(figure: Figure) -> None:
    """No text leaves the page or lies over another."""
    page = figure.bbox
    boxes = [(t.get_text(), t.get_window_extent()) for t in _visible_texts(figure) if t.get_text()]
    assert len(boxes) > 10
    for label, box in boxes:
        assert page.x0 <= box.x0 < box.x1 <= page.x1, label
        assert page.y0 <= box.y0 < box.y1 <= page.y1, label
    for (label, a), (other, b) in itertools.combinations(boxes, 2):
        wide = min(a.x1, b.x1) - max(a.x0, b.x0)
        high = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(wide, high) <= 2, f"{figure.get_label()}: {label!r} and {other!r} overlap"


@every_machine
def test_every_machine_gets_its_figures(name: str, tmp_path: Path) -> None:
    trace, batch, y = _run(name)
    figures = plot_trace(trace, batch, y, "NTM, associative-recall", path=tmp_path / "new" / "folder")
    expected = MACHINES[name][1]
    assert [figure.get_label() for figure in figures] == expected
    files = sorted((tmp_path / "new" / "folder").iterdir())
    assert [file.name for file in files] == sorted(f"{label}.png" for label in expected)
    for file in files:
        assert file.read_bytes().startswith(b"\x89PNG")
        assert file.stat().st_size > 5000
    for figure in figures:
        _assert_legible(figure)


@every_machine
def test_every_axis_says_what_it_shows(name: str) -> None:
    """Panels have titles, images have scales, the lowest panel the time."""
    for figure in plot_trace(*_run(name), "copy"):
        bars = [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]
        panels = [axes for axes in figure.axes if axes not in bars and axes.axison]
        assert len(str(figure.get_suptitle()).split("\n")) >= 2
        assert all(axes.get_title(loc="left") for axes in panels)
        assert all(bar.get_ylabel() for bar in bars)
        if figure.get_label() != "memory":
            assert len(bars) == sum(bool(axes.images) for axes in panels)
            assert any(axes.get_xlabel() == "time step" for axes in panels)


def test_the_episode_is_the_batch() -> None:
    trace, batch, y = _run("ntm")
    length = int(batch.lengths[1])
    figure = plot_trace(trace, batch, y, "copy", index=1)[0]
    scored = batch.mask[:length, 1].numpy()
    np.testing.assert_array_equal(_values(_titled(figure, "input")), batch.inputs[:length, 1].T)
    target, output = _values(_titled(figure, "target")), _values(_titled(figure, "output"))
    assert np.isnan(target[:, ~scored]).all()
    assert np.isnan(output[:, ~scored]).all()
    np.testing.assert_array_equal(target[:, scored], batch.targets[:length, 1].T[:, scored])
    np.testing.assert_allclose(output[:, scored], y[:length, 1].detach().sigmoid().T[:, scored], rtol=1e-6)
    crosses = _titled(figure, "output").lines[0]
    assert len(crosses.get_xdata()) == int(TASK.num_errors(y, batch)[1])
    bits = float(TASK.bits(y.detach(), batch)[1])
    assert f"takes {bits:.0f} bits" in str(figure.get_suptitle())


def test_a_right_answer_has_no_crosses() -> None:
    _, batch, _ = _run("ntm")
    figure = plot_trace(None, batch, TASK.oracle(batch), "copy")[0]
    assert "0 of" in str(figure.get_suptitle())
    assert "cross" not in _titled(figure, "output").get_title(loc="left")


def test_ntm_heads_are_the_trace() -> None:
    trace, batch, y = _run("ntm-3-reads-2-writes")
    T = int(batch.lengths[0])
    figure = _by_label(plot_trace(trace, batch, y, "copy"))["heads"]
    R, H, W, S = 3, 2, 6, 5
    assert trace.interface.shape[-1] == R * (W + 3 + S) + H * (3 * W + 3 + S)
    weights = torch.cat([trace.write_weights, trace.read_weights], dim=2)[:T, 0].detach().numpy()
    slots = choose_slots(weights, circular=True).shown
    for h in range(H):
        start = R * (W + 3 + S) + h * (3 * W + 3 + S)
        added = trace.interface[:T, 0, start + W + 3 + S + W :][:, :W].detach().tanh()
        found = _values(_titled(figure, f"words written, head {h + 1}"))
        np.testing.assert_allclose(found, added.T, rtol=1e-6)
        found = _values(_titled(figure, f"write weighting, head {h + 1}"))
        np.testing.assert_allclose(found, trace.write_weights[:T, 0, h].detach().T[slots], rtol=1e-6)
    for r in range(R):
        found = _values(_titled(figure, f"words read, head {r + 1}"))
        np.testing.assert_allclose(found, trace.read_words[:T, 0, r].detach().T, rtol=1e-6)
        found = _values(_titled(figure, f"read weighting, head {r + 1}"))
        np.testing.assert_allclose(found, trace.read_weights[:T, 0, r].detach().T[slots], rtol=1e-6)
    lines = _titled(figure, "read gates").lines[:R]
    for r, line in enumerate(lines):
        np.testing.assert_allclose(line.get_ydata(), trace.read_gates[:T, 0, r].detach(), rtol=1e-6)


@pytest.mark.parametrize("name", ["ntm", "ntm-write-gate"])
def test_what_an_ntm_adds_is_what_it_writes(name: str) -> None:
    """The add vectors are taken from the raw interface: the memory shows whether they are the right part."""
    trace, batch, y = _run(name)
    figure = _by_label(plot_trace(trace, batch, y, "copy"))["heads"]
    added = torch.from_numpy(_values(_titled(figure, "words written"))).float().T
    written = trace.write_weights[0, 0, 0, :, None] * added[0]
    # The first step erases from 1e-6, so all that is there was added.
    torch.testing.assert_close(trace.memory[0, 0], written, atol=2e-6, rtol=0)


def test_what_a_dnc_writes() -> None:
    trace, batch, y = _run("dnc")
    figure = _by_label(plot_trace(trace, batch, y, "copy"))["heads"]
    words = torch.from_numpy(_values(_titled(figure, "words written"))).float().T
    torch.testing.assert_close(
        trace.memory[0, 0], trace.write_weights[0, 0, :, None] * words[0], atol=2e-6, rtol=0
    )


def test_allocation_is_the_trace() -> None:
    trace, batch, y = _run("dnc-switches")
    T = int(batch.lengths[0])
    figure = _by_label(plot_trace(trace, batch, y, "copy"))["allocation"]
    for title, field in {
        "write weighting": trace.write_weights,
        "usage": trace.usage,
        "allocation weighting: the next free slot": trace.allocation_weights,
        "read weighting, all heads together": trace.read_weights.amax(2),
    }.items():
        np.testing.assert_allclose(_values(_titled(figure, title)), field[:T, 0].detach().T, rtol=1e-6)
    modes = _values(_titled(figure, "read modes: how each head finds its slot"))
    np.testing.assert_allclose(modes, trace.read_gates[:T, 0].flatten(1).detach().T, rtol=1e-6)
    writing = _titled(figure, "writing").lines
    for k in range(2):
        np.testing.assert_allclose(writing[k].get_ydata(), trace.write_gates[:T, 0, k].detach(), rtol=1e-6)
    # The free gates are in no field of the trace; the usage tells whether they are the right ones.
    free = [torch.from_numpy(line.get_ydata()).float() for line in _titled(figure, "free gates").lines[:2]]
    kept = torch.ones(T - 1, trace.usage.shape[-1])
    for r in range(2):
        kept = kept * (1 - free[r][1:, None] * trace.read_weights[: T - 1, 0, r])
    used, written = trace.usage[: T - 1, 0], trace.write_weights[: T - 1, 0]
    torch.testing.assert_close((used + written - used * written) * kept, trace.usage[1:T, 0])


def test_memory_and_links_are_the_trace() -> None:
    trace, batch, y = _run("dnc")
    figure = _by_label(plot_trace(trace, batch, y, "copy"))["memory"]
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    steps = [int(title.split()[-1]) for title in titles if title.startswith("memory")]
    assert len(steps) == 4
    assert steps[-1] == int(batch.lengths[0]) - 1
    for step in steps:
        found = _values(_titled(figure, f"memory after step {step}"))
        np.testing.assert_allclose(found, trace.memory[step, 0].detach(), rtol=1e-6)
        found = _values(_titled(figure, f"links after step {step}"))
        np.testing.assert_allclose(found, trace.link[step, 0].detach(), rtol=1e-6)


def _weightings(memory_size: int, *slots: int) -> np.ndarray:
    """[T, 1, N]: one head that goes from slot to slot."""
    weights = np.zeros((len(slots), 1, memory_size))
    weights[range(len(slots)), 0, slots] = 1
    return weights


def test_untouched_slots_are_left_out() -> None:
    slots = choose_slots(_weightings(128, 3, 4, 5, 90), circular=False)
    assert list(slots.shown) == [3, 4, 5, 90]
    assert slots.gaps == [3]
    assert slots.note == " (4 of 128 slots, the rest never accessed)"


def test_few_untouched_slots_are_not_worth_a_gap() -> None:
    slots = choose_slots(_weightings(128, 3, 5, 10, 16), circular=False)
    assert list(slots.shown) == [*range(3, 11), 16]


def test_a_track_over_the_end_of_the_ring_stays_in_one_piece() -> None:
    slots = choose_slots(_weightings(128, 126, 127, 0, 1, 2), circular=True)
    assert list(slots.shown) == [126, 127, 0, 1, 2]
    assert slots.gaps == []


def test_small_and_evenly_touched_memories_are_shown_whole() -> None:
    assert len(choose_slots(_weightings(30, 3), circular=True).shown) == 30
    even = choose_slots(np.full((5, 2, 128), 1 / 128), circular=False)
    assert len(even.shown) == 128
    assert even.note == ""


@pytest.mark.parametrize("inches", [0.9, 2.2])
@pytest.mark.parametrize("touched", [[0], [3, 60, 61, 62, 100], list(range(0, 128, 4)), list(range(128))])
def test_slot_labels_do_not_touch(inches: float, touched: list[int]) -> None:
    slots = choose_slots(_weightings(128, *touched), circular=False)
    ticks = slots.ticks(inches, 0.18)
    room = inches / len(slots.shown)
    assert all((b - a) * room >= 0.18 for a, b in itertools.pairwise(ticks))
    assert set(slots.gaps[:1]) <= set(ticks)


def test_the_wrong_call(tmp_path: Path) -> None:
    trace, batch, y = _run("ntm")
    with pytest.raises(ValueError, match="index is 3: the batch has the sequences 0 to 2"):
        plot_trace(trace, batch, y, "copy", index=3)
    with pytest.raises(ValueError, match="outputs begins with axes"):
        plot_trace(trace, batch, y.transpose(0, 1), "copy")
    with pytest.raises(ValueError, match="trace begins with axes"):
        plot_trace(trace.map(lambda field: field.transpose(0, 1)), batch, y, "copy")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError):
        plot_trace(trace, batch, y, "copy", path=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, batch, y = _run("ntm")
    figures = plot_trace(None, batch, y, "copy", path=tmp_path)
    before = (tmp_path / "episode.png").read_bytes()

    def full(file: Any, **_: Any) -> None:
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figures[0], "savefig", full)
    with pytest.raises(OSError, match="No space left"):
        save_figures(figures, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["episode.png"]
    assert (tmp_path / "episode.png").read_bytes() == before


def test_the_same_picture_twice(tmp_path: Path) -> None:
    trace, batch, y = _run("dnc")
    for folder in ("a", "b"):
        save_figures(plot_trace(trace, batch, y, "copy")[:1], tmp_path / folder)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_it_leaves_the_users_matplotlib_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    plot_trace(*_run("ntm"), "copy")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", sorted(set(tasks.names()) - {"babi"}))  # whose episodes are in files
def test_every_task_can_be_drawn(name: str) -> None:
    task = tasks.get(name)
    machine = DNC(task.input_size, 8, output_size=task.output_size, memory_size=12, word_size=6, num_reads=1)
    batch = tasks.Sampler(1, seed=0).draw(task)
    with torch.no_grad():
        y, _, trace = machine(batch.inputs, lengths=batch.lengths, return_trace=True)
    figures = plot_trace(
        trace, batch, y, name, input_labels=task.channels.inputs, output_labels=task.channels.outputs
    )
    labels = [label.get_text() for label in figures[0].axes[0].get_yticklabels()]
    if task.input_size <= MAX_CHANNEL_LABELS:
        assert labels == list(task.channels.inputs)
