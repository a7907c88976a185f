"""Lets a machine answer questions about a family: it is told the facts once, and walks from fact to fact."""

import dataclasses
import weakref
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from ...errors import InputError
from ...nn import Machine, evaluation_mode
from ...tasks.graph.search_graphs import draw_distant_names
from ...tasks.kinship.channels import NUMBER_DIGITS, SIZE
from ...tasks.kinship.decode import ToldFacts, Walked, facts_met
from ...tasks.kinship.facts import MAX_RANKS, FactSet, Place, every_place, index_facts, nearest
from ...tasks.kinship.records import EITHER, Pair
from ...tasks.kinship.relations import Relation, moves_of
from ...tasks.kinship.task import name_facts
from ...tasks.kinship.trace import MAX_FRAMES
from ...tasks.kinship.tree import FamilyTree
from .voting import MAX_VOTES, majority_vote

MAX_FACTS = 10_000
"""Facts told, at most: of a larger family those nearest to whom the question is about."""
MAX_KEPT = MAX_VOTES + 1
"""States that are kept of a family for the next question: as many as a vote needs, and one."""
SURE = 0.9
"""An answer whose every step is at least so sure is not voted on: of 506 such about royal92.ged none was
wrong, of 94 others 6."""
_SEXES = {None: EITHER, "m": 0, "f": 1}


@dataclasses.dataclass(frozen=True)
class KinshipSample:
    """One answer of a machine."""

    answers: list[int]
    """people, in the order in which they were named, each once, without the one asked about"""
    confidence: float
    """the probability that it gave to its least certain step among what it could say there; 0 if it came to
    no end. Voted, see :func:`~.voting.majority_vote`"""
    walks: list[Walked]
    """what it said, walk by walk of the relation; none about somebody of whom no fact was told"""
    known: bool = True
    """whether any fact about the person was told"""
    names: int = 0
    """under which names it was asked: ``sample`` of :class:`ToldFamily`"""

    @property
    def ended(self) -> bool:
        """Whether it came to the end of every walk."""
        return all(walked.ended for walked in self.walks)

    @property
    def stopped(self) -> bool:
        """Whether a walk was stopped because it had too many frames."""
        return any(walked.out_of_frames for walked in self.walks)

    @property
    def same_unconstrained(self) -> bool:
        """Whether it would have been the same unconstrained."""
        return all(walked.same_unconstrained for walked in self.walks)

    @property
    def answer(self) -> frozenset[int] | None:
        """The people named; None if the machine did not come to an end, or knew nothing of the person."""
        return frozenset(self.answers) if self.ended and self.known else None


class ToldFamily:
    """A family as a machine was told it: a state, and which name means whom.

    Args:
        machine: trained on the kinship task.
        given: the facts.
        sample: people, families and frames have other names in each.
        max_frames: of a walk, which is stopped after so many.

    Raises:
        InputError: the machine has the inputs and outputs of another task.
    """

    def __init__(
        self, machine: Machine, given: FactSet, sample: int = 0, *, max_frames: int = MAX_FRAMES
    ) -> None:
        check_machine(machine)
        rng = np.random.default_rng([len(given.facts), sample])
        told = name_facts(rng, given, draw_distant_names)
        self.machine, self.given, self.sample = machine, given, sample
        numbers = draw_distant_names(rng, MAX_FRAMES, NUMBER_DIGITS)[:max_frames].tolist()
        with evaluation_mode(machine):
            self.facts = ToldFacts(machine, told, numbers)
        names = [fact.person for fact in told.facts]
        self.name_of = {fact.person: name for fact, name in zip(given.facts, names)}
        self._person_of = {name: person for person, name in self.name_of.items()}
        self._index_of = {fact[:3]: index for index, fact in enumerate(told.facts)}

    def ask(self, person: int, relation: Relation, *, constrained: bool = True) -> KinshipSample:
        """Ask for somebody's relatives, walk by walk.

        Args:
            person: whom the question is about.
            relation: what is asked for.
            constrained: see :meth:`~tapehead.tasks.kinship.decode.ToldFacts.walk`.
        """
        if person not in self.name_of:
            return KinshipSample(answers=[], confidence=0.0, walks=[], known=False)
        walks = []
        with evaluation_mode(self.machine):
            for walk in relation.walks:
                pairs = tuple(Pair.of(*pair) for pair in moves_of(walk))
                sex = _SEXES[relation.sex]
                name = self.name_of[person]
                walks.append(self.facts.walk(name, pairs, sex, constrained=constrained))
        named = [self._person_of.get(name) for walked in walks for name in walked.people]
        answers = [one for one in dict.fromkeys(named) if one is not None and one != person]
        ended = all(walked.ended for walked in walks)
        confidence = min(walked.least_sure for walked in walks) if ended else 0.0
        return KinshipSample(answers, confidence, walks, names=self.sample)

    def facts_met(self, walked: Walked) -> list[int]:
        """Of each step of a walk, the index of the fact that it finds, keeps or returns to; −1 for none."""
        return facts_met(walked, self._index_of)

    def person_of(self, name: int) -> int | None:
        """Who is told under a name; None: nobody."""
        return self._person_of.get(name)


def check_machine(machine: Machine) -> None:
    """Refuse a machine of another task.

    Raises:
        InputError: it has other inputs or outputs.
    """
    if (machine.input_size, machine.output_size) != (SIZE, SIZE):
        raise InputError(
            f"a {type(machine).__name__} with {machine.input_size} inputs and {machine.output_size} outputs "
            "was not trained on kinship as it is now: give a model such as ntm-kinship"
        )


@dataclasses.dataclass(frozen=True)
class Selection:
    """The facts to tell of a family."""

    given: FactSet
    left_out: tuple[str, ...]
    """sentences: what is not told"""


def select_facts(tree: FamilyTree, person: int, max_facts: int | None = None) -> Selection:
    """All facts of a family; of a larger one those nearest to a person, whatever is asked.

    Args:
        tree: the family.
        person: whom questions are about.
        max_facts: facts told, at most; None: MAX_FACTS.
    """
    max_facts = MAX_FACTS if max_facts is None else max_facts
    places, left_out = every_place(tree), []
    total = len(places)
    if total > max_facts:
        places = nearest(tree, person, max_facts)
        left_out.append(f"the network is told {len(places):,} of the {total:,} facts, the nearest ones")
    # In an order that says nothing about how near they are.
    order = np.random.default_rng(len(places)).permutation(len(places))
    given, dropped = facts_at(tree, [places[index] for index in order])
    if dropped:
        left_out.append(
            f"the network is told no more than {MAX_RANKS} children of a family and {MAX_RANKS} families of "
            f"a person: {dropped:,} facts are left out"
        )
    return Selection(given, tuple(left_out))


def facts_at(tree: FamilyTree, places: Sequence[Place]) -> tuple[FactSet, int]:
    """The facts for these places, without those beyond the last rank; and how many these are."""
    places = list(places)
    given = index_facts(tree, places)
    kept = [place for place, fact in zip(places, given.facts) if fact.rank <= MAX_RANKS]
    dropped = len(places) - len(kept)
    return (index_facts(tree, kept) if dropped else given), dropped


_told: "weakref.WeakKeyDictionary[FamilyTree, OrderedDict[object, tuple[ToldFamily, Selection]]]"
_told = weakref.WeakKeyDictionary()


def told_family(
    tree: FamilyTree, machine: Machine, person: int, *, sample: int = 0
) -> tuple[ToldFamily, Selection]:
    """A family as a machine was told it, now or for an earlier question: the state of then is kept.

    Args:
        tree: the family.
        machine: of the kinship task.
        person: of a family with more than MAX_FACTS facts, those nearest to this person are told.
        sample: see :class:`ToldFamily`.
    """
    children = sum(parents is not None for parents in tree.parents)
    whole = children + sum(map(len, tree.unions)) <= MAX_FACTS
    weights = tuple((parameter.data_ptr(), parameter._version) for parameter in machine.parameters())
    key = (machine, weights, sample, MAX_FACTS, None if whole else person)
    kept = _told.setdefault(tree, OrderedDict())
    if key not in kept:
        selection = select_facts(tree, person)
        kept[key] = ToldFamily(machine, selection.given, sample), selection
        while len(kept) > MAX_KEPT:
            kept.popitem(last=False)
    kept.move_to_end(key)
    return kept[key]


def ask_until_sure(
    machine: Machine,
    tree: FamilyTree,
    questions: Sequence[tuple[int, Relation]],
    center: int | None = None,
    first: Sequence[KinshipSample] = (),
) -> list[KinshipSample]:
    """Ask once, and where the answer is less than ``SURE``, under several sets of names, by majority vote.

    The confidence of a vote is :func:`~.voting.majority_vote`'s.

    Args:
        machine: of the kinship task.
        tree: the family.
        questions: (person, relation).
        center: of a family too large to be told whole, the facts nearest to this person are told; None: those
            nearest to the person that a question is about.
        first: the first sample of each, where it was drawn already.
    """

    def ask(i: int, number: int) -> KinshipSample:
        person, relation = questions[i]
        family, _ = told_family(tree, machine, person if center is None else center, sample=number)
        return family.ask(person, relation)

    answers = list(first) or [ask(i, 0) for i in range(len(questions))]
    unsure = [i for i, sample in enumerate(answers) if sample.known and sample.confidence < SURE]

    def draw(wanted: Sequence[tuple[int, int]]) -> list[KinshipSample]:
        samples = {}
        # By sample, so that few states are in use at a time.
        for place, number in sorted(wanted, key=lambda one: one[1]):
            samples[place, number] = ask(unsure[place], number) if number else answers[unsure[place]]
        return [samples[one] for one in wanted]

    for i, (sample, confidence) in zip(unsure, majority_vote(len(unsure), draw)):
        answers[i] = dataclasses.replace(sample, confidence=confidence)
    return answers
