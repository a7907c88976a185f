"""Weights to a folder and back, and what a damaged folder says."""

import json
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import tapehead
from tapehead import DNC, NTM
from tapehead.nn import DeepLSTM
from tapehead.nn.pretrained import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE, PretrainedError
from tests.nn.machines import Case, assert_same, cases, inputs

built_in = pytest.mark.parametrize("case", cases(lambda case: not case.own_controller), ids=str)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@built_in
def test_round_trip(case: Case, tmp_path: Path) -> None:
    machine, x = case.build(torch.float32), inputs(4, 2, torch.float32)
    machine.save_pretrained(tmp_path)
    found = type(machine).from_pretrained(tmp_path, backend=case.backend).eval()
    assert found.config == machine.config
    assert_same(found(x), machine(x), 0)
    assert set(_files(tmp_path)) == {CONFIG_FILE, WEIGHTS_FILE}


@built_in
def test_the_config_is_json(case: Case) -> None:
    machine = case.build()
    saved = machine.config.saved()
    assert json.loads(json.dumps(saved)) == saved
    again = type(machine)(**saved)
    assert again.state_dict().keys() == machine.state_dict().keys()


@pytest.mark.parametrize("kind", [NTM, DNC, DeepLSTM])
def test_load_finds_the_machine(kind: type, tmp_path: Path) -> None:
    machine = kind(3, 5, output_size=2)
    machine.save_pretrained(tmp_path, extra={"task": {"name": "copy"}}, card="# A card\n")
    found = tapehead.load(str(tmp_path))
    assert type(found) is kind
    assert not found.training
    assert json.loads((tmp_path / CONFIG_FILE).read_text())["task"] == {"name": "copy"}
    assert (tmp_path / CARD_FILE).read_text() == "# A card\n"


def test_the_config_says_what_it_is(tmp_path: Path) -> None:
    NTM(3, 5, output_size=2, memory_size=9).save_pretrained(tmp_path)
    config = json.loads((tmp_path / CONFIG_FILE).read_text())
    assert (config["format_version"], config["architecture"]) == (1, "NTM")
    assert config["arguments"]["memory_size"] == 9
    assert not {"backend", "device", "dtype"} & config["arguments"].keys()


def test_overrides(tmp_path: Path) -> None:
    machine = NTM(3, 5, output_size=2, dtype=torch.float64)
    machine.save_pretrained(tmp_path)
    found = NTM.from_pretrained(tmp_path, batch_first=True, dtype=torch.float64)
    x = inputs(4, 2)
    assert_same(found(x.transpose(0, 1))[0].transpose(0, 1), machine(x)[0], 0)


def test_saving_again_replaces(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    NTM(3, 5, output_size=2).save_pretrained(tmp_path, card="old")
    second = NTM(3, 6, output_size=2)
    second.save_pretrained(tmp_path)
    assert NTM.from_pretrained(tmp_path).config == second.config
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_new_folder_in_a_new_folder(tmp_path: Path) -> None:
    NTM(3, 5, output_size=2).save_pretrained(tmp_path / "runs" / "first")
    assert set(_files(tmp_path / "runs" / "first")) == {CONFIG_FILE, WEIGHTS_FILE}


@pytest.mark.parametrize("case", cases(lambda case: case.own_controller), ids=str)
def test_a_controller_of_ones_own_is_refused(case: Case, tmp_path: Path) -> None:
    with pytest.raises(PretrainedError, match="controller GRUController is your own module"):
        case.build().save_pretrained(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def _edit(**changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        config = json.loads((folder / CONFIG_FILE).read_text())
        (folder / CONFIG_FILE).write_text(json.dumps(config | changes))

    return edit


def _edit_arguments(**changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        config = json.loads((folder / CONFIG_FILE).read_text())
        config["arguments"] |= changes
        (folder / CONFIG_FILE).write_text(json.dumps(config))

    return edit


def _text(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / CONFIG_FILE).write_text(text)


def _bytes(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def _cut(name: str, size: int) -> Callable[[Path], None]:
    """Keep ``size`` bytes; where it is negative, leave out the last ones."""

    def edit(folder: Path) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes()[:size])

    return edit


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _weights(change: Callable[[dict], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        weights = load_file(folder / WEIGHTS_FILE)
        change(weights)
        save_file(weights, folder / WEIGHTS_FILE)

    return edit


def _make_nan(weights: dict) -> None:
    weights["interface.weight"][1, 2] = float("nan")


def _cast_weights(dtype: torch.dtype) -> Callable[[Path], None]:
    return _change_weights(lambda tensor: tensor.to(dtype))


def _scale_weights(factor: float) -> Callable[[Path], None]:
    return _change_weights(lambda tensor: tensor.double() * factor)


def _change_weights(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS_FILE)
        save_file({name: change(tensor) for name, tensor in tensors.items()}, folder / WEIGHTS_FILE)

    return edit


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (_remove(CONFIG_FILE), "has no config.json"),
    "no weights": (_remove(WEIGHTS_FILE), "is missing"),
    "empty weights": (_cut(WEIGHTS_FILE, 0), "truncated or not a safetensors file"),
    "header cut": (_cut(WEIGHTS_FILE, 40), "truncated or not a safetensors file"),
    "last byte cut": (_cut(WEIGHTS_FILE, -1), "truncated"),
    "a pickle": (_bytes(WEIGHTS_FILE, b"\x80\x02}q\x00."), "truncated or not a safetensors file"),
    "huge header": (_bytes(WEIGHTS_FILE, b"\xff" * 64), "truncated or not a safetensors file"),
    "wrong shape": (_edit_arguments(hidden_size=6), "has shape"),
    "other heads": (_edit_arguments(num_reads=2), "has shape"),
    "missing weight": (_weights(lambda w: w.pop("interface.bias")), "lacks the weight interface.bias"),
    "extra weight": (
        _weights(lambda w: w.update(more=torch.zeros(2))),
        "holds the weight more, which this model does not have",
    ),
    "not a number": (_weights(_make_nan), "interface.weight holds values that are not finite"),
    "config cut": (_cut(CONFIG_FILE, 30), "is damaged"),
    "config empty": (_text(""), "is damaged"),
    "config binary": (_bytes(CONFIG_FILE, b"\xff\xfe\x00\x01"), "is damaged"),
    "config a list": (_text("[1, 2]"), "not a tapehead config"),
    "config of another program": (
        _text('{"model_type": "bert", "hidden_size": 768}'),
        "not a tapehead config",
    ),
    "config nested deeply": (_text("[" * 100_000), "is damaged"),
    "config huge": (_text(" " * 2_000_000), "it is not a tapehead config"),
    "newer format": (_edit(format_version=2), "format_version 2, this tapehead reads 1"),
    "no architecture": (_edit(architecture=None), "names no architecture"),
    "no arguments": (_edit(arguments=[3, 5, 2]), "names no architecture with its arguments"),
    "other architecture": (_edit(architecture="DNC"), "holds a DNC, not a NTM"),
    "unknown argument": (_edit_arguments(beam_size=3), "build no NTM.*beam_size"),
    "missing argument": (_edit(arguments={"input_size": 3}), "build no NTM"),
    "bad size": (_edit_arguments(word_size=0), "build no NTM.*word_size is 0"),
    "size too large to build": (_edit_arguments(hidden_size=10**15), "hidden_size = 1000000000000000: no"),
    "size too large to allocate": (_edit_arguments(hidden_size=2**30), "build no NTM|has shape"),
    "number beyond int64": (_edit_arguments(word_size=2**80), "no machine is as large"),
    "layers without weights": (_edit_arguments(num_layers=10_000_000), "only 7 weights"),
    "a device": (_edit_arguments(device="cpu"), "argument 'device'.*remove it"),
    "a backend": (_edit_arguments(backend="native"), "argument 'backend'.*remove it"),
    "unknown dtype": (_edit(dtype="float128"), "dtype 'float128'.*one of float16"),
    "weights of float8": (_cast_weights(torch.float8_e4m3fn), "float8_e4m3fn: save the weights as one of"),
    "weights of whole numbers": (_cast_weights(torch.int64), "int64: save the weights as one of"),
    "float64 beyond float32": (_scale_weights(1e300), r"beyond torch\.float32: load it with dtype"),
    "unknown controller": (_edit_arguments(controller="gru"), "build no NTM.*controller is 'gru'"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage(damage: str, tmp_path: Path) -> None:
    NTM(3, 5, output_size=2, memory_size=7, word_size=4).save_pretrained(tmp_path)
    break_it, words = DAMAGES[damage]
    break_it(tmp_path)
    with pytest.raises(PretrainedError, match=words) as error:
        NTM.from_pretrained(tmp_path)
    assert "\n" not in str(error.value)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_folder_where_a_file_should_be(name: str, tmp_path: Path) -> None:
    NTM(3, 5, output_size=2).save_pretrained(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(PretrainedError, match=name):
        NTM.from_pretrained(tmp_path)


def test_nothing_to_load(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(PretrainedError, match=r"has no config\.json"):
            NTM.from_pretrained(path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError):
        NTM(3, 5, output_size=2).save_pretrained(tmp_path / "file" / "model")
    with pytest.raises(OSError):
        NTM(3, 5, output_size=2).save_pretrained(tmp_path / "file")
    assert _files(tmp_path) == {"file": b"mine"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OSError):
        NTM(3, 5, output_size=2).save_pretrained(tmp_path)
    tmp_path.chmod(0o700)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_leaves_the_old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = NTM(3, 5, output_size=2)
    old.save_pretrained(tmp_path)
    before = _files(tmp_path)

    def full(tensors: dict, path: str, *_: Any, **__: Any) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        NTM(3, 6, output_size=2).save_pretrained(tmp_path)
    assert _files(tmp_path) == before


def test_an_extra_that_is_not_json_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        NTM(3, 5, output_size=2).save_pretrained(tmp_path / "new", extra={"task": object()})
    assert not (tmp_path / "new").exists()
    NTM(3, 5, output_size=2).save_pretrained(tmp_path)
    before = _files(tmp_path)
    with pytest.raises(TypeError):
        NTM(3, 6, output_size=2).save_pretrained(tmp_path, extra={"task": object()})
    assert _files(tmp_path) == before


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_the_dtype_survives(dtype: torch.dtype, tmp_path: Path) -> None:
    machine = DNC(3, 5, output_size=2, memory_size=7, word_size=4, dtype=dtype)
    machine.save_pretrained(tmp_path)
    found = DNC.from_pretrained(tmp_path)
    assert {parameter.dtype for parameter in found.parameters()} == {dtype}
    assert_same(found.state_dict()["interface.weight"], machine.state_dict()["interface.weight"], 0)
    assert DNC.from_pretrained(tmp_path, dtype=torch.float64).interface.weight.dtype == torch.float64


def test_a_converted_machine_is_saved_as_it_is(tmp_path: Path) -> None:
    NTM(3, 5).double().save_pretrained(tmp_path)
    assert NTM.from_pretrained(tmp_path).interface.weight.dtype == torch.float64


def test_a_loaded_machine_evaluates(tmp_path: Path) -> None:
    DNC(3, 5, bypass_dropout=0.5).train().save_pretrained(tmp_path)
    assert not any(module.training for module in DNC.from_pretrained(tmp_path).modules())


@pytest.mark.parametrize("left", [".saving-abc", ".saving-999999999-x", f".saving-{os.getpid()}-x"])
def test_what_a_killed_save_left_is_cleaned_up(left: str, tmp_path: Path) -> None:
    (tmp_path / left).mkdir()
    (tmp_path / left / WEIGHTS_FILE).write_bytes(b"half")
    NTM(3, 5).save_pretrained(tmp_path)
    assert set(_files(tmp_path)) == {CONFIG_FILE, WEIGHTS_FILE}


def test_a_save_of_another_process_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / f".saving-{os.getppid()}-x"
    other.mkdir()
    NTM(3, 5).save_pretrained(tmp_path)
    assert other.is_dir()


def test_a_name_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub is asked only where there is no folder of that name, and only for our three files."""
    machine = NTM(3, 5, output_size=2)
    machine.save_pretrained(tmp_path / "snapshot")
    asked: list[tuple[str, list[str]]] = []

    def snapshot_download(name: str, *, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        if name != "someone/copier":
            raise OSError("404 Client Error: not found\nfor url")
        return str(tmp_path / "snapshot")

    hub = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.chdir(tmp_path)
    assert NTM.from_pretrained("someone/copier").config == machine.config
    assert asked == [("someone/copier", [CONFIG_FILE, WEIGHTS_FILE, CARD_FILE])]
    with pytest.raises(PretrainedError, match=r"no folder someone/else.*404 Client Error: not found\)"):
        NTM.from_pretrained("someone/else")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(PretrainedError, match=r"pip install .tapehead\[hub\]"):
        NTM.from_pretrained("someone/copier")


def test_pushing_to_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    uploaded: dict[str, set[str]] = {}

    class HfApi:
        def create_repo(self, name: str, *, private: bool, exist_ok: bool) -> types.SimpleNamespace:
            assert (private, exist_ok) == (True, True)
            return types.SimpleNamespace(repo_id=name)

        def upload_folder(self, *, repo_id: str, folder_path: str) -> str:
            uploaded[repo_id] = set(os.listdir(folder_path))
            return f"https://huggingface.co/{repo_id}"

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(HfApi=HfApi))
    address = NTM(3, 5).push_to_hub("me/copier", private=True, card="# Copies\n")
    assert address == "https://huggingface.co/me/copier"
    assert uploaded == {"me/copier": {CONFIG_FILE, WEIGHTS_FILE, "README.md"}}
