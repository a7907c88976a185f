"""The machines that run in a page compute what the machines of Python compute."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("uvicorn", reason="uvicorn is not installed")
from tapehead import DNC, hub, tasks
from tests.web.conftest import chromium, tab  # noqa: F401

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS / "hooks"))
import live_models  # noqa: E402

RUN = """([name, inputs, slots]) =>
  tapehead.run(tapehead.load(tapeheadModels[name]), inputs, slots).map(({output, state}) => ({
    outputs: Array.from(output),
    memory: state.memory.map((word) => Array.from(word)),
    read_weights: state.readWeights.map((weights) => Array.from(weights)),
    write_weights: state.writeWeights.map((weights) => Array.from(weights)),
    usage: state.usage ? Array.from(state.usage) : null,
    link: state.link ? state.link.map((row) => Array.from(row)) : null,
  }))"""


def place(folder: Path, models: dict[str, str]) -> Path:
    """The live page without the site around it."""
    scripts = [(DOCS / "live" / "machine.js").read_text(encoding="utf-8"), *models.values()]
    bodies = "".join(f'<div class="live" data-model="{name}"></div>' for name in models)
    page = (DOCS / "live" / "page.js").read_text(encoding="utf-8")
    html = "".join(f"<script>{script}</script>" for script in scripts)
    path = folder / "live.html"
    path.write_text(
        f"<!DOCTYPE html><meta charset=utf-8>{html}{bodies}<script>{page}</script>", encoding="utf-8"
    )
    return path


def models() -> dict[str, str]:
    return {name: live_models.script(name) for name in live_models.MODELS}


def agree(tab: Any, name: str, machine: Any, inputs: torch.Tensor, slots: int) -> None:  # noqa: F811
    machine = machine.double()
    with torch.no_grad():
        outputs, _, trace = machine(inputs.double(), memory_size=slots, return_trace=True)
    steps = tab.evaluate(RUN, [name, inputs[:, 0].tolist(), slots])

    def close(field: str, expected: torch.Tensor) -> None:
        found = torch.tensor([step[field] for step in steps], dtype=torch.float64).reshape(expected.shape)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)

    close("outputs", outputs[:, 0])
    close("memory", trace.memory[:, 0])
    close("read_weights", trace.read_weights[:, 0])
    close("write_weights", trace.write_weights[:, 0])
    if trace.usage is not None and trace.link is not None:
        close("usage", trace.usage[:, 0])
        close("link", trace.link[:, 0])


@pytest.mark.parametrize(("name", "slots"), [("ntm-copy", 128), ("ntm-copy", 17), ("dnc-reallocation", 10)])
def test_a_live_machine_equals_python(tab: Any, tmp_path: Path, name: str, slots: int) -> None:  # noqa: F811
    tab.goto(place(tmp_path, models()).as_uri())
    task = tasks.from_dict(hub.info(name)["task"])
    batch = tasks.Sampler(1, seed=3).draw(task.with_max_sizes())
    agree(tab, name, hub.load(name), batch.inputs, slots)


def test_so_does_an_lstm_controller_of_two_layers(
    tab: Any,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(1)
    machine = DNC(8, 12, output_size=6, num_layers=2, memory_size=7, word_size=5, num_reads=3)
    with monkeypatch.context() as patch:
        patch.setattr(hub, "load", lambda name: machine)
        patch.setattr(hub, "info", lambda name: {"task": tasks.get("reallocation").to_dict()})
        script = live_models.script("mine")
    tab.goto(place(tmp_path, {"mine": script}).as_uri())
    agree(tab, "mine", machine, torch.randn(30, 1, 8), 7)


def test_what_the_page_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="61618 parameters"):
        live_models.export("ntm-associative-recall")
    with pytest.raises(ValueError, match="temporal_links=False"):
        live_models.export("dnc-ngrams")


def test_damage_and_repair(tab: Any, tmp_path: Path) -> None:  # noqa: F811
    tab.goto(place(tmp_path, models()).as_uri())
    copier = tab.locator(".live").first
    verdict = copier.locator(".verdict")
    assert verdict.inner_text() == "0 of 117 bits wrong"
    tab.evaluate("tapeheadLive['ntm-copy'].show(13)")
    copier.locator("input[type=number]").fill("5")
    copier.locator("select").select_option("zeros")
    copier.get_by_text("Damage slot").click()
    wrong, _, rest = verdict.inner_text().partition(" ")
    assert int(wrong) > 0
    assert rest.endswith("damaged: slot 5 (zeros) after step 14")
    copier.get_by_text("Repair").click()
    assert verdict.inner_text() == "0 of 117 bits wrong"
    copier.get_by_label("Vectors to copy").fill("60")
    assert verdict.inner_text() == "0 of 549 bits wrong"
    copier.get_by_label("Memory slots").fill("30")
    assert not verdict.inner_text().startswith("0 of")
