import pytest

from tapehead import tasks, train

BASELINES = {
    "lstm-copy-paper": 1_352_969,
    "lstm-repeat-copy-paper": 5_312_007,
    "lstm-associative-recall-paper": 1_344_518,
    "lstm-ngrams-paper": 331_905,
}
TASKS = ("copy", "repeat-copy", "associative-recall", "ngrams", "priority-sort")


@pytest.mark.parametrize("name", BASELINES)
def test_lstm_baselines_have_the_published_parameter_counts(name: str) -> None:
    model = train.preset(name).build_model()
    assert sum(parameter.numel() for parameter in model.parameters()) == BASELINES[name]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("model", ["ntm", "ntm-ff", "dnc", "lstm"])
def test_every_task_has_presets(task: str, model: str) -> None:
    scale = {"norm_repeats": 100} if (model, task) == ("ntm-ff", "repeat-copy") else {}
    assert train.preset(f"{model}-{task}").task == tasks.get(task, **scale)
    if model != "dnc":  # The DNC paper did not run these tasks.
        paper = train.preset(f"{model}-{task}-paper")
        assert paper.task == tasks.get(task)
        assert paper.batch_size == 1
        assert paper.optimizer.name == "rmsprop-graves"
        assert (paper.optimizer.momentum, paper.optimizer.decay, paper.optimizer.eps) == (0.9, 0.95, 1e-4)
        assert (paper.optimizer.clip, paper.optimizer.clip_value) == ("elementwise", 10.0)
        assert paper.model.learn_initial_state


@pytest.mark.parametrize(
    ("name", "heads", "hidden", "layers", "lr"),
    [
        ("ntm-copy-paper", 1, 100, 1, 1e-4),
        ("ntm-ngrams-paper", 1, 100, 1, 3e-5),
        ("ntm-priority-sort-paper", 5, 100, 2, 3e-5),
        ("ntm-ff-associative-recall-paper", 4, 256, 1, 1e-4),
        ("ntm-ff-priority-sort-paper", 8, 512, 1, 3e-5),
    ],
)
def test_the_papers_tables(name: str, heads: int, hidden: int, layers: int, lr: float) -> None:
    config = train.preset(name)
    model = config.model
    assert isinstance(model, nn.NTMConfig)
    assert (model.num_reads, model.num_writes) == (heads, heads)
    assert (model.hidden_size, model.num_layers, config.optimizer.lr) == (hidden, layers, lr)
    assert (model.memory_size, model.word_size) == (128, 20)
    assert model.controller == ("feedforward" if "-ff-" in name else "lstm")


@pytest.mark.parametrize("name", train.PRESETS)
def test_every_preset_builds(name: str) -> None:
    config = train.preset(name)
    model = config.build_model()
    assert (model.input_size, model.output_size) == (config.task.input_size, config.task.output_size)


def test_reallocation_reuses_ten_slots_without_a_state_of_its_own() -> None:
    model = train.preset("dnc-reallocation").model
    assert isinstance(model, nn.DNCConfig)
    assert (model.memory_size, model.controller) == (10, "feedforward")


def test_unknown_preset() -> None:
    with pytest.raises(train.ConfigError, match="did you mean ntm-copy"):
        train.preset("ntm-cpy")
