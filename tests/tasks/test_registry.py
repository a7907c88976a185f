"""Tasks by name."""

import dataclasses
import doctest
import runpy
from pathlib import Path

import pytest

from tapehead import tasks
from tapehead.tasks import Copy
from tapehead.tasks import registry as _registry


@pytest.fixture
def _clean_registry(monkeypatch):
    monkeypatch.setattr(_registry, "_registered", dict(_registry._registered))


def test_get_with_fields():
    assert tasks.get("copy", max_length=5) == Copy(max_length=5)
    assert tasks.get("copy") == Copy()


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"no task 'cpoy'; the tasks are .*copy.*repeat-copy"):
        tasks.get("cpoy")


def test_unknown_field_lists_the_known():
    with pytest.raises(ValueError, match=r"'copy' has no field 'length'.*min_length, max_length, num_bits"):
        tasks.get("copy", length=3)


def test_from_dict_needs_a_name():
    with pytest.raises(ValueError, match=r"needs a name; got the fields min_length\."):
        tasks.from_dict({"min_length": 1})


@pytest.mark.usefixtures("_clean_registry")
def test_a_task_of_ones_own():
    @tasks.register
    @dataclasses.dataclass(frozen=True)
    class Mine(Copy):
        name = "mine"

    assert "mine" in tasks.names()
    assert tasks.from_dict(Mine(max_length=4).to_dict()) == Mine(max_length=4)
    # A notebook cell that is run again defines the same class anew.
    assert tasks.register(Mine) is Mine


@pytest.mark.usefixtures("_clean_registry")
def test_a_taken_name():
    class Other(Copy):
        pass

    with pytest.raises(ValueError, match=r"'copy' is taken by tapehead\.tasks\.algorithmic\.copy\.Copy"):
        tasks.register(Other)


def test_a_task_without_a_name():
    class Nameless(tasks.Task):
        pass

    with pytest.raises(ValueError, match=r"Nameless needs a class attribute `name`"):
        tasks.register(Nameless)


def test_public_names():
    assert all(hasattr(tasks, name) for name in tasks.__all__)


def test_docstring_example():
    result = doctest.testmod(tasks)
    assert (result.attempted, result.failed) == (4, 0)


@pytest.mark.usefixtures("_clean_registry")
def test_example_of_ones_own_task(capsys):
    example = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "own_task.py"))
    batch = tasks.Sampler(8, 0).draw(tasks.get("reverse"))
    for b, steps in enumerate(batch.lengths.tolist()):
        length = (steps - 1) // 2
        assert batch.targets[length + 1 : steps, b].equal(batch.inputs[:length, b, :3].flip(0))
    assert example["main"](steps=2) > 0
    assert capsys.readouterr().out.startswith("reverse: ")
