"""What a PyTorch user guesses: the constructor, the repr, states as values, saving, export."""

import dataclasses
import importlib
import inspect
import io
import pkgutil
from typing import Any

import pytest
import torch
from torch import nn

import tapehead
from tapehead import DNC, NTM, TapeheadError
from tapehead.errors import UnsupportedError
from tapehead.nn import DeepLSTM, DNCConfig, LSTMConfig, Machine, NTMConfig
from tests.nn.machines import Case, assert_same, cases, inputs, tensors

CONFIGS: dict[type[Machine], type] = {DNC: DNCConfig, NTM: NTMConfig, DeepLSTM: LSTMConfig}
kinds = pytest.mark.parametrize("kind", CONFIGS)
every_case = pytest.mark.parametrize("case", cases(), ids=str)


@kinds
def test_two_sizes_go_by_position_and_the_rest_by_keyword(kind: type) -> None:
    """``nn.LSTM(10, 128, 2)`` has two layers; here nothing is taken for an output size in silence."""
    with pytest.raises(TypeError, match="positional"):
        kind(10, 128, 2)
    with pytest.raises(TypeError, match="beam_size"):
        kind(10, 128, beam_size=2)


@kinds
def test_without_an_output_size_a_machine_is_a_layer(kind: type) -> None:
    machine = kind(3, 5)
    assert machine.output_size == 5
    assert machine(torch.zeros(4, 2, 3))[0].shape == (4, 2, 5)


@kinds
def test_the_signature_is_the_configs(kind: type) -> None:
    """So that help(), IDEs and `inspect` show every argument with its default."""
    shown = inspect.signature(kind).parameters
    fields = {field.name: field for field in dataclasses.fields(CONFIGS[kind])}
    assert list(shown) == list(fields)
    assert all(
        shown[name].default == field.default
        for name, field in fields.items()
        if name in shown and (field.default is not dataclasses.MISSING)
    )


@kinds
def test_every_argument_is_documented(kind: type) -> None:
    for field in dataclasses.fields(CONFIGS[kind]):
        assert field.metadata.get("doc") or f"{field.name}:" in str(kind.__doc__), field.name


@every_case
def test_a_config_builds_the_same_machine(case: Case) -> None:
    machine = case.build()
    again = type(machine).from_config(machine.config)
    assert again.config == machine.config
    assert again.state_dict().keys() == machine.state_dict().keys()


def test_a_config_is_frozen() -> None:
    config: Any = DNCConfig(3, 5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.memory_size = 4


def test_the_repr_says_what_differs_from_the_defaults() -> None:
    text = repr(DNC(10, 32, output_size=9, memory_size=16, interface_norm=True))
    assert text.startswith("DNC(\n  10, 32, output_size=9, memory_size=16, interface_norm=True\n")
    assert "word_size" not in text
    assert "(interface): Linear" in text
    assert repr(NTM(10, 32)).startswith("NTM(\n  10, 32\n")


@every_case
def test_reset_parameters(case: Case) -> None:
    """The same seed gives the same weights as the constructor did; every parameter is drawn anew."""
    machine = case.build(torch.float32)
    torch.manual_seed(7)
    fresh = type(machine).from_config(machine.config).state_dict()
    fresh = {name: tensor.clone() for name, tensor in fresh.items()}
    for parameter in machine.parameters():
        nn.init.constant_(parameter, 7.0)
    torch.manual_seed(7)
    machine.reset_parameters()
    assert all(not (parameter == 7).all() for parameter in machine.parameters())
    if not case.own_controller:
        for name, tensor in machine.state_dict().items():
            torch.testing.assert_close(tensor, fresh[name], rtol=1e-6, atol=1e-6)


@every_case
def test_states_are_values(case: Case) -> None:
    machine, x = case.build(), inputs(4, 3)
    _, state = machine(x)
    assert all(not tensor.requires_grad for tensor in tensors(state.detach()))
    assert {tensor.dtype for tensor in tensors(state.to(torch.float32))} <= {torch.float32}
    assert {tensor.device.type for tensor in tensors(state.to("meta"))} <= {"meta"}
    for indices in ([2, 0], torch.tensor([2, 0]), slice(1, 3), torch.tensor([False, True, True])):
        chosen = state.select(indices)
        rows = indices if isinstance(indices, slice | torch.Tensor) else torch.tensor(indices)
        assert_same(machine(x[:, rows], chosen)[0], machine(x, state)[0][:, rows])
    with pytest.raises(IndexError):
        state.select([3])


@every_case
def test_states_go_to_a_file_with_torchs_defaults(case: Case) -> None:
    _, state = case.build()(inputs(4, 3))
    file = io.BytesIO()
    torch.save(state.detach(), file)
    file.seek(0)
    assert_same(torch.load(file), state.detach(), 0)


@pytest.mark.filterwarnings("ignore")  # torch.export's own
@pytest.mark.parametrize("kind", [DNC, NTM])
def test_an_exported_program_goes_to_a_file(kind: type) -> None:
    machine = kind(3, 5, output_size=2, memory_size=7, word_size=4, backend="reference").eval()
    x = inputs(4, 2, torch.float32)
    program = torch.export.export(machine, (x,))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    y, state = torch.export.load(file).module()(x)
    assert_same((y, state), machine(x), 1e-6)


class _Step(nn.Module):
    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.machine = machine

    def forward(self, x: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        features, state, _ = self.machine.step(x, state)
        return self.machine.outputs(features, getattr(state, "read_words", None)), state


@pytest.mark.filterwarnings("ignore")  # of the exporter
@pytest.mark.parametrize(
    "machine",
    [
        lambda: DNC(3, 5, output_size=2, memory_size=7, word_size=4),
        lambda: DNC(3, 5, controller="feedforward", memory_size=7, masked_lookup=True, interface_norm=True),
        lambda: NTM(3, 5, output_size=2, memory_size=7, word_size=4, num_writes=2),
    ],
    ids=["dnc", "dnc with variants", "ntm"],
)
def test_a_step_in_onnx(machine: Any, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A step goes through torch.onnx.export(dynamo=True), and onnxruntime computes the same, step by step."""
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    step = _Step(machine().eval())
    x, state = inputs(6, 2, torch.float32), step.machine.initial_state(2)
    torch.onnx.export(step, (x[0], state), dynamo=True).save(str(tmp_path / "step.onnx"))
    session = onnxruntime.InferenceSession(str(tmp_path / "step.onnx"))
    names = [entry.name for entry in session.get_inputs()]
    carried = [tensor.numpy() for tensor in tensors(state)]
    with torch.no_grad():
        for x_t in x:
            y, state = step(x_t, state)
            found, *carried = session.run(None, dict(zip(names, [x_t.numpy(), *carried], strict=True)))
            torch.testing.assert_close(torch.from_numpy(found), y, rtol=1e-4, atol=1e-5)
    for one, other in zip(tensors(state), carried, strict=True):
        torch.testing.assert_close(torch.from_numpy(other), one, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore")  # torch says that quantization is deprecated
@kinds
def test_a_quantized_machine_runs_on_the_reference(kind: type) -> None:
    machine, x = kind(3, 5).eval(), inputs(4, 2, torch.float32)
    quantized = torch.ao.quantization.quantize_dynamic(machine, {nn.Linear}, dtype=torch.qint8)
    with torch.no_grad():
        y, state = quantized(x)
        torch.testing.assert_close(y, machine(x)[0], rtol=0.1, atol=0.05)
        assert torch.isfinite(quantized(x, state)[0]).all()


@pytest.mark.filterwarnings("ignore")  # torch says that torch.jit is deprecated
@kinds
def test_torch_jit_says_what_to_use(kind: type) -> None:
    with pytest.raises(UnsupportedError, match=r"torch\.jit\.trace cannot follow.*torch\.export"):
        torch.jit.trace(kind(3, 5), (torch.zeros(4, 2, 3),))


def test_every_error_has_one_root_and_a_builtin() -> None:
    """All classes named …Error in the package derive from TapeheadError and from a built-in error."""
    found: set[type] = set()
    for module in pkgutil.walk_packages(tapehead.__path__, "tapehead."):
        # (The Triton kernels want Triton, which is no part of a CPU build.)
        if module.name == "tapehead.__main__" or module.name.startswith("tapehead.engine.triton."):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            ours = isinstance(value, type) and value.__module__.startswith("tapehead")
            if ours and name.endswith("Error") and issubclass(value, Exception):
                found.add(value)
    assert len(found) > 8
    for error in found - {TapeheadError}:
        assert issubclass(error, TapeheadError), error
        builtin = [base for base in error.__mro__ if base.__module__ == "builtins"]
        bases_only = {"Exception", "BaseException", "object"}
        assert {base.__name__ for base in builtin} - bases_only or error.__subclasses__(), error
