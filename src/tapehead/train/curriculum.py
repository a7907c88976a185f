"""Lessons, gates and replay (DNC Methods, "Curriculum")."""

from collections.abc import Mapping
from typing import Any

from ..tasks import Batch, Sampler, Task
from .config import CurriculumConfig, TrainConfig


class Curriculum:
    """Which task comes next, and when a lesson is over.

    Training draws from the current lesson, and for a fraction ``replay`` of the batches from an earlier one,
    each as likely as the other. A lesson is over when at a check at least ``threshold`` of its episodes,
    drawn exactly as in training, were answered without a wrong bit; with ``stay`` the last is never over.

    Args:
        config: the lessons and their gate.

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

    @classmethod
    def of(cls, config: TrainConfig) -> "Curriculum":
        """The run's curriculum; without one, its task as the only lesson."""
        return cls(config.curriculum or CurriculumConfig(lessons=(config.task,)))

    @property
    def current(self) -> Task:
        """The task of the current lesson; after the last lesson, still the last."""
        return self.config.lessons[self.lesson]

    def draw(self, sampler: Sampler) -> tuple[Task, Batch]:
        """The next training batch, and the task that it belongs to."""
        task = self.current
        if self.lesson > 0 and sampler.uniform() < self.config.replay:
            task = self.config.lessons[int(sampler.uniform() * self.lesson)]
        return task, sampler.draw(task)

    def grade(self, exact: float) -> bool:
        """Take the fraction of a check's episodes without a wrong bit.

        Returns:
            Whether the lesson is passed; then the next one has begun, or the curriculum is finished.
        """
        passed = exact >= self.config.threshold
        last = self.lesson == len(self.config.lessons) - 1
        if not passed or (last and self.config.stay):
            return False
        self.finished = last
        self.lesson += not last
        return True

    def state_dict(self) -> dict[str, Any]:
        """Where the curriculum stands."""
        return {"lesson": self.lesson, "finished": self.finished}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where the curriculum of this ``state_dict`` stood.

        Raises:
            ValueError: there is no such lesson.
        """
        lesson = state["lesson"]
        if not 0 <= lesson < len(self.config.lessons):
            raise ValueError(f"lesson {lesson} is none of the curriculum's {len(self.config.lessons)}")
        self.lesson, self.finished = lesson, bool(state["finished"])
