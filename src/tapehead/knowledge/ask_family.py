"""Answers questions about a family: exactly all of them, by the network those that it has learned."""

import dataclasses
from collections.abc import Sequence

from ..nn import Machine
from ..tasks.kinship.relations import RELATIONS, Relation
from . import solver
from .answers import Answer
from .graph import KnowledgeGraph
from .inference.answer import ToldFact
from .inference.family_way import answer_way
from .inference.kinship_answer import answer_kinship
from .kinship.explain import NameOf, PathStep, path_steps, relation_name, sentence
from .kinship.index import Kin, kin_of
from .kinship.namer import name
from .kinship.notes import notes
from .kinship.paths import Path, kinship
from .kinship.relation import Kinship
from .kinship.relatives import Found, in_order, relatives
from .kinship.terms import Chain, Link, chain_title
from .kinship.ties import MAX_MARRIAGES, ties
from .kinship.ways import shortest_way, way_sentences, way_steps
from .questions import CheckQuestion, FamilyQuestion, KinshipQuestion, Question, TieQuestion


def needs_network(question: Question) -> bool:
    """Whether a question is one that a network answers, too.

    Of kin a network knows some relations only; of two people it finds the shortest way between them.
    """
    if isinstance(question, KinshipQuestion):
        return question.relation is not None
    return not (isinstance(question, CheckQuestion) and question.chain)


def answer_family(
    graph: KnowledgeGraph, question: FamilyQuestion, machine: Machine | None, words: str
) -> Answer:
    """The exact answer, and the network's where it has learned such questions.

    Args:
        graph: a family tree.
        question: as parsed.
        machine: of the kinship task, or of search for a question about two people; asked only where
            :func:`needs_network` says so.
        words: the question as it was asked.
    """
    if not isinstance(question, KinshipQuestion):
        answer = _answer_pair(graph, question, words)
        return _with_way(graph, question, machine, answer) if needs_network(question) and machine else answer
    answer = _exact(graph, question, words)
    if question.relation is None or machine is None:
        return answer
    tree, people = graph.family_tree()
    person = people.index(question.person)
    network = answer_kinship(machine, tree, person, question.relation)
    exact = {entity.id for entity in answer.expected}
    meant = {people[number] for number in solver.relatives(tree, person, question.relation)}
    # Its words are narrower than everyday ones, but nobody else may be meant by them.
    narrower = meant < exact
    named = {people[number] for number in network.answers}
    return dataclasses.replace(
        answer,
        answered=tuple(graph.entities[people[number]] for number in network.answers),
        correct=named == exact or (narrower and named == meant),
        confidence=float(network.confidence),
        facts_given=len(network.facts),
        facts_read=tuple(fact_sentences(graph, [network.facts[index] for index in network.facts_read])),
        network=network,
        narrower=_narrow(question.relation) if narrower and named != exact else "",
        not_asked="",
        left_out=network.left_out,
    )


def _narrow(relation: Relation) -> str:
    """What the network's relation takes in, where an everyday word takes in more."""
    across = any("C" in walk[walk.rfind("P") :] or "S" in walk for walk in relation.walks)
    sense = "full blood, no marriage" if across else "the family that somebody was born to"
    return f"{relation.name} in the narrow sense: {sense}"


def _exact(graph: KnowledgeGraph, question: KinshipQuestion, words: str) -> Answer:
    kin = kin_of(graph)
    chain = question.chain
    found = _found(kin, question, chain)
    said: list[str] = []
    if not found and (wider := _by_marriage(chain)):
        found = _found(kin, question, wider)
        said = [f"there are none by blood, so marriage counts: {chain_title(wider)}"] if found else []
        chain = wider if found else chain
    people = list(found) if any(term.reach or term.order for term in chain[-1]) else in_order(kin, found)
    said += notes(kin, question.person, chain, found, _namer(graph))
    labels = [_label(found[one], chain[-1]) for one in people]
    usual = _usual(question.chain[-1])
    return Answer(
        question=words,
        parsed=question,
        understood=describe_family(graph, question),
        answered=(),
        expected=tuple(graph.entities[one] for one in people),
        correct=None,
        confidence=None,
        facts_given=0,
        facts_read=(),
        seconds=0.0,
        network=None,
        notes=tuple(said),
        not_asked="it is asked about one person at a time"
        if question.other
        else f"it has learned {len(RELATIONS)} relations, and {question.title!r} is none of them",
        relations=tuple(labels),
        marked=tuple(label not in usual for label in labels),
    )


def _found(kin: Kin, question: KinshipQuestion, chain: Chain) -> Found:
    """Who stands in a relation to the person, and to the other one if there is one."""
    found = relatives(kin, question.person, chain)
    if not question.other:
        return found
    too = relatives(kin, question.other, chain)
    return {one: what for one, what in found.items() if one in too}


def _by_marriage(chain: Chain) -> Chain | None:
    """Nieces and nephews of a spouse, for those who have none of their own."""
    if len(chain[-1]) > 1:
        return None
    (term,) = chain[-1]
    literal = term.literal
    if literal.by_marriage or literal.up != 1 or literal.down < 2 or term.blood != "any" or term.line:
        return None
    spouses = dataclasses.replace(literal, before=True, side="")
    return (*chain[:-1], (dataclasses.replace(term, readings=(spouses,)),))


def _label(what: Kinship, link: Link) -> str:
    """What a person is, with the side only where it was asked for."""
    sided = any(term.sided for term in link)
    lines = max(term.literal.lines for term in link)
    return name(dataclasses.replace(what, side=what.side if sided else "", lines=lines))


def _usual(link: Link) -> set[str]:
    """What the words of a question say of everybody found already."""
    if len(link) > 1 or link[0].reach:
        return set()
    sexes = ("m", "f", "u")
    return {name(dataclasses.replace(link[0].literal, sex=sex)) for sex in sexes}  # type: ignore[arg-type]


def _answer_pair(graph: KnowledgeGraph, question: TieQuestion | CheckQuestion, words: str) -> Answer:
    kin, name_of = kin_of(graph), _namer(graph)
    person, other = question.person, question.other
    paths = ties(kin, person, other)
    said = [sentence(kin, path, name_of) for path in paths]
    verdict = None
    if isinstance(question, CheckQuestion):
        verdict, paths, said = _checked(kin, question, paths, said, graph)
    elif not paths:
        said = [_no_tie(graph, person, other)]
    relation = relation_name(kin, paths[0]) if paths else ""
    path = path_steps(kin, paths[0], name_of) if paths else ()
    return Answer(
        question=words,
        parsed=question,
        understood=describe_family(graph, question),
        answered=(),
        expected=tuple(graph.entities[step.id] for step in path if step.id),
        correct=None,
        confidence=None,
        facts_given=0,
        facts_read=(),
        seconds=0.0,
        network=None,
        not_asked="of two people it is asked for the way between them, not for one relation",
        said=tuple(said),
        relation=relation,
        path=path,
        verdict=verdict,
    )


def _with_way(
    graph: KnowledgeGraph, question: TieQuestion | CheckQuestion, machine: Machine, answer: Answer
) -> Answer:
    """The answer with the shortest way between the two, as the network finds it and as it is."""
    kin, name_of = kin_of(graph), _namer(graph)
    found = answer_way(machine, graph, question.person, question.other)
    exact = shortest_way(kin, question.person, question.other)
    correct = found.is_shortest(None if exact is None else len(exact.steps))
    way = () if found.path is None else way_steps(kin, found.path, name_of)
    shortest = way if correct else () if exact is None else way_steps(kin, exact, name_of)
    return dataclasses.replace(
        answer,
        answered=tuple(found.part.person(tie.other) for tie in found.ties),
        correct=correct,
        confidence=found.search.confidence,
        facts_given=len(found.search.facts),
        facts_read=way_sentences(way),
        network=found,
        not_asked="",
        left_out=found.part.left_out,
        way=way,
        shortest=shortest,
        other_way=_other_way(answer.path, shortest),
    )


def _other_way(tie: Sequence[PathStep], shortest: Sequence[PathStep]) -> str:
    """A sentence, where the tie that has a name is not the shortest way."""
    same = len(tie) == len(shortest) and all(
        step.id == walked.id or (step.beside and step.beside == walked.name)
        for step, walked in zip(tie, shortest)
    )
    if same or not tie or not shortest:
        return ""
    said = f"this path is another way than the shortest, of {len(tie) - 1} steps"
    if len(tie) == len(shortest):
        return f"{said}, too"
    return f"{said}: blood goes before marriage, and few marriages before many"


def _checked(
    kin: Kin, question: CheckQuestion, paths: list[Path], said: list[str], graph: KnowledgeGraph
) -> tuple[bool, list[Path], list[str]]:
    """Yes or no; the ways, the one that the answer is about first; sentences."""
    name_of = _namer(graph)
    if not question.chain:
        return bool(paths), paths, said or [_no_tie(graph, question.person, question.other)]
    found = relatives(kin, question.other, question.chain)
    what = found.get(question.person)
    first, second = name_of(question.person), name_of(question.other)
    if what is None:
        sought = " or ".join(term.singular for term in question.chain[-1])
        if len(question.chain) > 1:
            sought = "'s ".join([chain_title((link,)) for link in question.chain[:-1]] + [sought])
        no = f"{first} is not {second}'s {sought}"
        return False, paths, [no, *(said or [_no_tie(graph, question.person, question.other)])]
    if len(question.chain) > 1:
        title = chain_title(question.chain)
        return True, paths, [f"{first} is one of {second}'s {title}", *said]
    order = sorted(range(len(paths)), key=lambda place: not _is_it(kin, paths[place], what))
    return True, [paths[place] for place in order], [said[place] for place in order]


def _is_it(kin: Kin, path: Path, what: Kinship) -> bool:
    chain = kinship(kin, path.reversed())
    shape = (what.up, what.down, what.before, what.after)
    return len(chain) == 1 and (chain[0].up, chain[0].down, chain[0].before, chain[0].after) == shape


def _no_tie(graph: KnowledgeGraph, person: str, other: str) -> str:
    names = f"{graph.entities[person].name} and {graph.entities[other].name}"
    ways = f"by blood, by adoption or by up to {MAX_MARRIAGES} marriages"
    return f"no tie in this file: {names} are not joined {ways}"


def _namer(graph: KnowledgeGraph) -> NameOf:
    return lambda identity: graph.entities[identity].name


def describe_family(graph: KnowledgeGraph, question: FamilyQuestion) -> str:
    """A question in words: "maternal grandfathers of Victoria Hanover (1819–1901)"."""
    person = graph.entities[question.person]
    if isinstance(question, KinshipQuestion):
        number = "number of " if question.count else ""
        if len(question.chain) > 1 and question.relation is None:
            return f"{number}{person}'s {question.title}"
        both = f" and {graph.entities[question.other]}" if question.other else ""
        return f"{number}{question.title} of {person}{both}"
    other = graph.entities[question.other]
    if isinstance(question, TieQuestion):
        return f"how {person} is related to {other}"
    if not question.chain:
        return f"whether {person} is related to {other}"
    return f"whether {person} is one of the {chain_title(question.chain)} of {other}"


def fact_sentences(graph: KnowledgeGraph, facts: Sequence[ToldFact]) -> list[str]:
    """Facts in words: "Bond Street —Central westbound→ Notting Hill Gate"."""
    if graph.is_family:
        subjects = graph.family_tree()[1]
        objects = [entity.id for entity in graph.entities.values() if entity.kind == "family"]
    else:
        subjects = objects = graph.edges.places
    names = {identity: entity.name for identity, entity in graph.entities.items()}
    return [f"{names[subjects[fact.subject]]} —{fact.label}→ {names[objects[fact.object]]}" for fact in facts]
