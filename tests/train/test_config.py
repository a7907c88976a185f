import dataclasses
import json
from typing import Any

import pytest

from tapehead import tasks, train


@pytest.mark.parametrize("name", train.PRESETS)
def test_json_round_trip_of_every_preset(name: str) -> None:
    config = train.preset(name)
    assert train.TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_json_round_trip_of_a_curriculum(tiny_config: Any) -> None:
    lessons = (tasks.Copy(max_length=2, num_bits=2), tasks.Copy(max_length=3, num_bits=2))
    config = tiny_config(curriculum=train.CurriculumConfig(lessons, threshold=0.8, replay=0.2))
    assert train.TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"batch_sise": 3}, "unknown field 'batch_sise'"),
        ({"batch_size": "four"}, "batch_size is 'four', which is not int"),
        ({"batch_size": True}, "batch_size is True, which is not int"),
        ({"batch_size": 2.5}, "batch_size is 2.5, which is not int"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"optimizer": {"name": "sgd"}}, "optimizer.name is 'sgd'"),
        ({"optimizer": {"lr": -1.0}}, "lr is -1"),
        ({"model": {"architecture": "gru"}}, "model.architecture is 'gru'"),
        ({"model": 3}, "model is 3"),
        ({"task": {"name": "cppy"}}, "there is no task 'cppy'"),
        ({"task": {"name": "copy", "max_length": 0}}, "max_length"),
        ({"optimizer": {"weight_decay": -0.1}}, "weight_decay is -0.1"),
        ({"optimizer": {"name": "rmsprop", "weight_decay": 0.1}}, "above 0 with adam"),
        ({"curriculum": {"lessons": []}}, "lessons is empty"),
        ({"curriculum": {"lessons": [{"name": "copy"}]}}, "other input or output sizes"),
        ({"batch_size": 10**7}, "batch_size is 10,000,000: give at most 1,000,000"),
        ({"sequences": 10**30}, "sequences has 31 digits"),
        ({"validate_every": 2**63}, "validate_every has 19 digits"),
        ({"optimizer": {"lr": 10**400}}, "optimizer.lr has 401 digits"),
        ({"optimizer": {"lr": float("inf")}}, "lr is inf: give a finite number"),
        ({"optimizer": {"warmup": 10**19}}, "warmup has 20 digits"),
        ({"stop_below": float("nan")}, "stop_below is nan: give a finite number"),
        (
            {"model": {"architecture": "ntm", "num_layers": 10**7}},
            "num_layers is 10,000,000: give at most 1,000",
        ),
        (
            {"model": {"architecture": "ntm", "hidden_size": 10**19}},
            "hidden_size is 10,000,000,000,000,000,000",
        ),
        ({"model": {"architecture": "dnc", "memory_size": 10**6}}, "memories of .* numbers: the limit"),
        ({"task": {"name": "copy", "max_length": 10**6}, "batch_size": 10**3}, "make batches of up to"),
        ({"task": {"name": "copy", "num_bits": 10**8}}, "num_bits must be at most 1,000,000"),
    ],
)
def test_bad_configs_are_named(tiny_config: Any, change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(train.ConfigError, match=complaint):
        train.TrainConfig.from_dict(tiny_config().to_dict() | change)


def test_integers_may_stand_for_floats_and_none_where_it_is_allowed(tiny_config: Any) -> None:
    data = tiny_config().to_dict()
    data["optimizer"] |= {"lr": 1, "eps": None}
    assert train.TrainConfig.from_dict(data | {"stop_below": 1}).optimizer.lr == 1
    with pytest.raises(train.ConfigError, match=r"optimizer\.lr is None"):
        train.TrainConfig.from_dict(data | {"optimizer": {"lr": None}})


def test_load_config_names_what_is_wrong(tmp_path: Any) -> None:
    file = tmp_path / "config.json"
    with pytest.raises(train.ConfigError, match="does not exist"):
        train.load_config(file)
    file.write_text("{")
    with pytest.raises(train.ConfigError, match="not JSON"):
        train.load_config(file)
    file.write_text(json.dumps({"format_version": 1, "architecture": "NTM", "arguments": {}}))
    with pytest.raises(train.ConfigError, match="does not say how"):
        train.load_config(file)
    file.write_text(json.dumps(train.preset("ntm-copy").to_dict()))
    assert train.load_config(file) == train.preset("ntm-copy")


def test_sizes_that_make_no_machine(tiny_config: Any) -> None:
    with pytest.raises(train.ConfigError, match="memory_size is 0"):
        tiny_config(model=train.ntm(memory_size=0)).build_model()


def test_a_model_with_too_many_parameters_is_refused_before_it_is_built(tiny_config: Any) -> None:
    config = tiny_config(model=train.LSTMConfig(hidden_size=10**6, num_layers=3))
    with pytest.raises(train.ConfigError, match="parameters: give smaller sizes"):
        config.build_model()


def test_clipping_at_the_controller_is_built_into_the_machine(tiny_config: Any) -> None:
    optimizer = train.OptimizerConfig(clip="controller", clip_value=3.0)
    assert tiny_config(optimizer=optimizer).build_model().controller.clip_gradient == 3.0
    assert tiny_config().build_model().controller.clip_gradient is None


@pytest.mark.parametrize("kind", ["ntm", "dnc", "lstm"])
def test_model_configs_have_the_defaults_of_their_machines(kind: str) -> None:
    """A field of a config is an argument of the machine; a renamed argument must not go unnoticed."""
    from tapehead.train.config import MODEL_CONFIGS

    config = MODEL_CONFIGS[kind]()
    machine = config.build(tasks.Copy())
    for field in dataclasses.fields(config):
        assert machine.config[field.name] == getattr(config, field.name)
