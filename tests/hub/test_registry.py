import json
from pathlib import Path
from typing import Any

import pytest
import torch

import tapehead
from tapehead import DNC, NTM, hub, nn
from tapehead.hub import registry as _zoo


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: Any) -> Path:
    """A zoo of two."""
    models = tmp_path / "models"
    NTM(4, 8, output_size=3, memory_size=6, word_size=4).save_pretrained(models / "ntm-copy")
    DNC(4, 8, output_size=3, memory_size=6, word_size=4).save_pretrained(models / "dnc-copy")
    monkeypatch.setattr(_zoo, "MODELS", models)
    return models


def test_names_and_load(shipped: Path) -> None:
    assert hub.names() == ("dnc-copy", "ntm-copy")
    machine = tapehead.load("dnc-copy")
    assert isinstance(machine, DNC)
    assert not machine.training
    assert hub.info("ntm-copy")["architecture"] == "NTM"


def test_a_folder_loads_like_a_name(tmp_path: Path) -> None:
    baseline = nn.DeepLSTM(4, 8, output_size=3)
    baseline.save_pretrained(tmp_path)
    loaded = hub.load(tmp_path)
    x = torch.randn(5, 2, 4)
    assert torch.equal(loaded(x)[0], baseline(x)[0])


def test_unknown_names_get_a_hint(shipped: Path) -> None:
    with pytest.raises(hub.PretrainedError, match="did you mean ntm-copy"):
        hub.load("ntm-cpy")
    with pytest.raises(hub.PretrainedError, match="the models are dnc-copy, ntm-copy"):
        hub.load("elephant")


def test_an_empty_zoo_says_so(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(_zoo, "MODELS", tmp_path / "none")
    assert hub.names() == ()
    with pytest.raises(hub.PretrainedError, match="give the folder of a run"):
        hub.load("ntm-copy")


def test_a_stray_folder_does_not_hide_a_shipped_model(
    shipped: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ntm-copy").mkdir()
    assert isinstance(hub.load("ntm-copy"), NTM)
    nn.DeepLSTM(4, 8, output_size=3).save_pretrained(tmp_path / "ntm-copy")
    assert isinstance(hub.load("ntm-copy"), nn.DeepLSTM)


def _config(folder: Path, **changes: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "damaged"),
        (
            lambda folder: _config(folder, architecture="Transformer"),
            "'Transformer', which this tapehead does not know",
        ),
        (lambda folder: _config(folder, format_version=99), "format_version 99"),
        (lambda folder: (folder / "model.safetensors").unlink(), "missing"),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 100),
            "truncated or not a safetensors",
        ),
        (
            lambda folder: _config(folder, arguments={"input_size": 4, "hidden_size": 9, "output_size": 3}),
            "the config asks for",
        ),
    ],
)
def test_damaged_folders(tmp_path: Path, damage: Any, complaint: str) -> None:
    NTM(4, 8, output_size=3, memory_size=6, word_size=4).save_pretrained(tmp_path)
    damage(tmp_path)
    with pytest.raises(hub.PretrainedError, match=complaint) as caught:
        hub.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_card_of_a_run(tmp_path: Path) -> None:
    from tapehead import tasks, train

    config = train.TrainConfig(
        task=tasks.Copy(max_length=3, num_bits=2),
        model=train.ntm(hidden_size=8, memory_size=6, word_size=4),
        batch_size=2,
        sequences=20,
        seed=5,
    )
    train.train(config, tmp_path / "tiny", quiet=True)
    points = train.evaluate(
        hub.load(tmp_path / "tiny"), config.task, [{"length": 3}, {"length": 9}], sequences=10
    )
    card = hub.write_card(tmp_path / "tiny", [point.to_dict() for point in points])
    assert card == (tmp_path / "tiny/card.md").read_text()
    assert card.startswith("# tiny\n")
    for promised in ("| seed | 5 |", "20 sequences in 10 updates", "minutes on", "copy (", "| 9 | 10 | 6 |"):
        assert promised in card
    assert not list((tmp_path / "tiny").glob(".card*"))


def test_card_of_a_model_that_tells_little(tmp_path: Path) -> None:
    NTM(4, 8, output_size=3, memory_size=6, word_size=4).save_pretrained(tmp_path)
    assert "| task | not told |" in hub.write_card(tmp_path)


def test_a_former_name_stands_for_what_took_its_place(shipped: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(_zoo, "FORMER_NAMES", {"old-copy": "ntm-copy"})
    for use in (hub.find, hub.info, hub.load):
        with pytest.warns(FutureWarning, match="^old-copy is now ntm-copy, which answers instead$"):
            use("old-copy")
    with pytest.warns(FutureWarning):
        assert isinstance(hub.load("old-copy"), NTM)
    assert "old-copy" not in hub.names()
    assert hub.FORMER_NAMES == {"dnc-kinship": "ntm-kinship"}
