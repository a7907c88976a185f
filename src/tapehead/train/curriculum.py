"""Curriculum learning: lessons, their grades, and replay (DNC Methods, "Curriculum")."""

from collections.abc import Mapping
from typing import Any

from ..tasks import Batch, Sampler, Task
from .config import CurriculumConfig, TrainConfig


class Curriculum:
    """Chooses the task of each batch, and decides when a lesson is passed.

    Training draws from the current lesson, and for a fraction ``replay`` of the batches from an earlier one,
    chosen uniformly. A lesson is passed when at a check at least ``threshold`` of its episodes, drawn exactly
    as in training, were answered without an error; with ``stay`` the last lesson is never passed.

    Args:
        config: the lessons and the conditions to pass them.

    Example:
        >>> from tapehead.tasks import Copy, Sampler
        >>> lessons = Curriculum(CurriculumConfig((Copy(max_length=5), Copy(max_length=20)), threshold=0.9))
        >>> task, batch = lessons.draw(Sampler(batch_size=2, seed=0))
        >>> task.max_length, lessons.grade(0.95), lessons.current.max_length
        (5, True, 20)
    """

    def __init__(self, config: CurriculumConfig) -> None:
        self.config = config
        self.lesson = 0
        self.finished = False
        self.last_since = 0 if len(config.lessons) == 1 else None
        """the update at which the last lesson began; None: not yet"""

    @classmethod
    def of(cls, config: TrainConfig) -> "Curriculum":
        """The curriculum of a run; without one, its task is the only lesson."""
        return cls(config.curriculum or CurriculumConfig(lessons=(config.task,)))

    @property
    def current(self) -> Task:
        """The task of the current lesson; after the last lesson, still the last."""
        return self.config.lessons[self.lesson]

    def draw(self, sampler: Sampler) -> tuple[Task, Batch]:
        """The next training batch, and its task."""
        task = self.current
        if self.lesson > 0 and sampler.uniform() < self.config.replay:
            task = self.config.lessons[int(sampler.uniform() * self.lesson)]
        return task, sampler.draw(task)

    def rate_falls_from(self, step: int) -> int:
        """The update from which the learning rate falls: with ``hold_rate`` the last lesson's first, or
        ``step`` itself, which is the next, before that."""
        if not self.config.hold_rate:
            return 0
        return step if self.last_since is None else self.last_since

    def grade(self, exact: float, step: int = 0) -> bool:
        """Decide whether the lesson is passed; if it is, go on to the next one, or finish.

        Args:
            exact: the fraction of a check's episodes without an error.
            step: updates so far.

        Returns:
            Whether the lesson is passed.
        """
        passed = exact >= self.config.threshold
        last = self.lesson == len(self.config.lessons) - 1
        if not passed or (last and self.config.stay):
            return False
        self.finished = last
        self.lesson += not last
        if not last and self.lesson == len(self.config.lessons) - 1:
            self.last_since = step
        return True

    def state_dict(self) -> dict[str, Any]:
        """The current lesson, whether the curriculum is finished, and when the last lesson began."""
        return {"lesson": self.lesson, "finished": self.finished, "last_since": self.last_since}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where the curriculum that made this ``state_dict`` was.

        Raises:
            ValueError: there is no such lesson.
        """
        lesson = state["lesson"]
        if not 0 <= lesson < len(self.config.lessons):
            raise ValueError(f"lesson {lesson} is none of the curriculum's {len(self.config.lessons)}")
        self.lesson, self.finished = lesson, bool(state["finished"])
        # A checkpoint of an earlier version does not have it, nor a rate that waits for it.
        self.last_since = state.get("last_since", self.last_since)
