"""What comes back from a question: the network's answer, the exact one, and how the two compare."""

import dataclasses
import itertools
from fractions import Fraction
from typing import Any

from .graph import Entity
from .inference.answer import NetworkAnswer
from .inference.family_way import WayAnswer
from .inference.kinship_answer import KinshipAnswer
from .inference.search import SearchAnswer
from .kinship.explain import PathStep, path_text
from .kinship.ways import way_text
from .questions import CheckQuestion, FamilyQuestion, KinshipQuestion, PathQuestion, Question, TieQuestion
from .weights import amount

MAX_PRINTED = 60
"""people of an answer that are printed; JSON has them all"""


@dataclasses.dataclass(frozen=True)
class Answer:
    """The network's answer to a question, and the exact one."""

    question: str
    """as it was asked"""
    parsed: Question
    """as it was understood"""
    understood: str
    """the same in words: "maternal grandfathers of Victoria Hanover (1819–1901)\""""
    answered: tuple[Entity, ...]
    """the network's: people; places nearby; of a walk, a path or the way between two people, those after the
    start in order"""
    expected: tuple[Entity, ...]
    """the exact answer; of several shortest paths the network's own if it is one"""
    correct: bool | None
    """whether the network answered exactly what it was asked; None: it was not asked"""
    confidence: float | None
    """the network's own, 0 to 1; None: it was not asked"""
    facts_given: int
    """facts that were put into the memory"""
    facts_read: tuple[str, ...]
    """sentences: the facts that the answer was read from, in order"""
    seconds: float
    """wall time from the words to the answer"""
    network: NetworkAnswer | SearchAnswer | KinshipAnswer | WayAnswer | None = dataclasses.field(
        repr=False, compare=False
    )
    """the network's answer in numbers, with the trace or the steps of the search, for figures; None: it was
    not asked"""
    notes: tuple[str, ...] = ()
    """sentences: what the question left open, and what was made of it"""
    left_out: str = ""
    """a sentence, where the answer rests on a part of the file: what the network was not told"""
    rounded: str = ""
    """a sentence, where the weights that the network was told are not quite those of the map"""
    measure: str = ""
    """of a quickest way: what it has the least of: "minutes", "time"; else empty"""
    total: Fraction | None = None
    """of a quickest way: how much of it the network's takes; None: it found none"""
    expected_total: Fraction | None = None
    """and how much the exact one"""
    narrower: str = ""
    """what the network was asked for, where people mean more by the word"""
    not_asked: str = ""
    """a sentence: why the network was not asked"""
    relations: tuple[str, ...] = ()
    """of each person of the exact answer what they are: "half-brother", "aunt by marriage\""""
    marked: tuple[bool, ...] = ()
    """of each of them whether the question's own words do not say so already"""
    said: tuple[str, ...] = ()
    """of a question about two people: what one is to the other, the nearest tie first"""
    relation: str = ""
    """the name of that tie; "" for none"""
    path: tuple[PathStep, ...] = ()
    """from one of two people to the other"""
    verdict: bool | None = None
    """of a question to be answered by yes or no"""
    way: tuple[PathStep, ...] = ()
    """the network's shortest way from one of two people to the other, by birth, marriage or any other tie; ()
    for none"""
    shortest: tuple[PathStep, ...] = ()
    """the exact one; of several the network's own if it is one; () for none, or if no network was asked"""
    other_way: str = ""
    """a sentence, where ``path`` is another way than the shortest"""

    @property
    def answers(self) -> list[str]:
        """The names of the network's answer."""
        return [entity.name for entity in self.answered]

    @property
    def exact(self) -> list[str]:
        """The names of the exact answer; of a question about two people "yes" or "no", or the relation."""
        if isinstance(self.parsed, CheckQuestion):
            return ["yes" if self.verdict else "no"]
        if isinstance(self.parsed, TieQuestion):
            return [self.relation] if self.relation else []
        return [entity.name for entity in self.expected]

    @property
    def count(self) -> int | None:
        """How many there are, where that is the question."""
        return len(self.expected) if isinstance(self.parsed, KinshipQuestion) and self.parsed.count else None

    def to_dict(self) -> dict[str, Any]:
        """As ``tapehead ask --json`` prints it."""
        answer: dict[str, Any] = {
            "question": self.question,
            "answers": self.answers,
            "exact": self.exact,
            "correct": self.correct,
            "confidence": self.confidence,
            "facts_given": self.facts_given,
            "left_out": self.left_out,
            "facts_read": list(self.facts_read),
            "seconds": self.seconds,
            "notes": list(self.notes),
        }
        if self.measure:
            answer |= {
                "measure": self.measure,
                "total": None if self.total is None else float(self.total),
                "exact_total": None if self.expected_total is None else float(self.expected_total),
                "rounded": self.rounded,
            }
        if isinstance(self.parsed, FamilyQuestion):
            answer |= {
                "understood": self.understood,
                "not_asked": self.not_asked,
                "narrower": self.narrower,
                "relations": list(self.relations),
                "relation": self.relation,
                "said": list(self.said),
                "path": [step._asdict() for step in self.path],
                "way": [step._asdict() for step in self.way],
                "shortest": [step._asdict() for step in self.shortest],
                "other_way": self.other_way,
                "count": self.count,
            }
        return answer

    @property
    def lines(self) -> list[str]:
        """Both answers in sentences, and what is to be said about them, without the facts that were read."""
        lines = [*self._network_lines(), *self._exact_lines()]
        return [self.understood, *(line.strip() for line in lines), *self.notes]

    def __str__(self) -> str:
        """As ``tapehead ask`` prints it."""
        lines = [self.understood, *self._network_lines(), *self._exact_lines()]
        if isinstance(self.network, WayAnswer):
            lines.append(f"  {self.facts_given:,} ties in memory")
        elif self.network is not None:
            lines += [
                f"  {self.facts_given} facts in memory, {len(self.facts_read)} read for the answer"
                f"{':' if self.facts_read else ''}",
                *(f"    {fact}" for fact in self.facts_read),
            ]
        lines.append(f"  {self.seconds:.2f} s")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    @property
    def _mark(self) -> str:
        return "" if self.correct is None else " ✓" if self.correct else " ✗"

    def _network_lines(self) -> list[str]:
        left_out = [f"  note: {sentence}" for sentence in (self.left_out, self.rounded) if sentence]
        if self.network is None:
            return [*left_out, f"  the network was not asked: {self.not_asked}"]
        if isinstance(self.network, WayAnswer):
            return [*left_out, *self._way_lines(self.network)]
        asked = f"{self._mark}, asked for {self.narrower}" if self.narrower else ""
        return [
            *left_out,
            f"  network: {self._listed(self.answered, self.total)} ({self.confidence or 0:.0%} sure){asked}",
        ]

    def _way_lines(self, network: WayAnswer) -> list[str]:
        """The network's way between two people, and how short ways are."""
        unreachable = network.search.unreachable
        none = "no way by the ties that it was told" if unreachable else "a search gone astray"
        lines = [f"  network: {way_text(self.way) or none} ({self.sure}){self._mark}"]
        least = len(self.shortest) - 1
        if not self.shortest:
            return [*lines, "  steps:   none, as no ties of the file join the two"]
        if self.correct:
            return [*lines, f"  steps:   {least}, and no way in the file is shorter"]
        walked = f"{len(self.way) - 1}, but " if self.way else ""
        return [*lines, f"  steps:   {walked}the shortest way has {least}: {way_text(self.shortest)}"]

    @property
    def sure(self) -> str:
        """How sure the network is of a way between two people: "99% sure"."""
        # Of a step that might as well have been another, no per cent are left.
        return f"{self.confidence:.0%} sure" if (self.confidence or 0) >= 0.005 else "unsure of a step"

    @property
    def about_two(self) -> bool:
        """Whether the question is about two people."""
        return isinstance(self.parsed, TieQuestion | CheckQuestion)

    def _exact_lines(self) -> list[str]:
        mark = "" if self.narrower else self._mark
        if isinstance(self.parsed, KinshipQuestion):
            return [f"  exact:   {self._kin()}{mark}"]
        if not self.about_two:
            return [f"  exact:   {self._listed(self.expected, self.expected_total)}{mark}"]
        verdict = "" if self.verdict is None else "yes: " if self.verdict else "no: "
        first, *further = self.said
        lines = [f"  exact:   {verdict}{first}", *(f"  also:    {said}" for said in further)]
        if self.path:
            lines.append(f"  path:    {path_text(self.path)}")
        return [*lines, f"  note: {self.other_way}"] if self.other_way else lines

    def _kin(self) -> str:
        """The people of the exact answer, each with what they are where the question does not say it."""
        listed = [
            f"{entity}, {relation}" if marked else str(entity)
            for entity, relation, marked in itertools.zip_longest(self.expected, self.relations, self.marked)
        ][:MAX_PRINTED]
        if len(self.expected) > MAX_PRINTED:
            listed.append(f"and {len(self.expected) - MAX_PRINTED:,} more")
        text = ("; " if any(self.marked) else ", ").join(listed) or "nobody"
        return text if self.count is None else f"{self.count}: {text}"

    def _listed(self, entities: tuple[Entity, ...], total: Fraction | None) -> str:
        nobody = "nobody" if isinstance(self.parsed, KinshipQuestion) else "no place"
        listed = ", ".join(map(str, entities)) or nobody
        if total is not None:
            return f"{amount(total, self.measure)}: {listed}"
        if isinstance(self.parsed, PathQuestion) and self.parsed.only_length and entities:
            return f"{len(entities)} stop{'s' if len(entities) > 1 else ''}: {listed}"
        return listed
