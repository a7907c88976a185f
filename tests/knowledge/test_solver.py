import random
from pathlib import Path

import networkx
import pytest

from tapehead.knowledge import KnowledgeGraph, read, solver
from tapehead.tasks.kinship.relations import BY_NAME, RELATIONS, Relation
from tapehead.tasks.kinship.tree import Family, FamilyTree
from tests.knowledge.files import ROYALS, family, graph_of

PEOPLE = """
Adam m, Bess f, Cole m, Dora f, Edna f, Fred m, Gwen f, Hank m, Iris f, Jack m, Kate f, Liam m, Hal
m, Hope f, Moss m, Nina f, Otto m, Pam f, Quin m, Rosa f, Sara f, Tess f, Ugo m, Ego m, Vera f, Walt
m, Yana f, Zack m, Zoe f, Abel m, Bea f, Carl m, Dan m, Ella f, Finn m, Gail f, Hana f, Ivan m, Jane
f, Karl m, Lena f, Milo m, Nora f, Olga f, Pia f, Ray m, Sue f, Tom m, Uma f, Uli m, Vic m, Wim m
"""
COUPLES = """
Adam+Bess: Cole Dora; Cole+Edna: Fred Gwen Hank; Fred+Iris: Jack Kate Liam; Hank+?: Hal; Hal+?:
Hope; Moss+Nina: Otto Pam Quin; Otto+Rosa: Sara Tess Ugo; Jack+Sara: Ego Vera Walt; Jack+Yana: Zack
Zoe; Liam+?: Abel; Tess+?: Bea; Carl+Vera: Dan Ella; Dan+?: Finn; Ella+?: Gail; Ego+Hana: Ivan Jane;
Karl+Lena: Hana Milo Nora; Walt+Olga:; Ivan+Pia: Ray Sue; Tom+Jane:; Ray+?: Uma Uli; Uma+?: Vic;
Abel+?: Wim
"""
OF_EGO = {
    "parents": "Jack Sara",
    "fathers": "Jack",
    "mothers": "Sara",
    "children": "Ivan Jane",
    "sons": "Ivan",
    "daughters": "Jane",
    "spouses": "Hana",
    "husbands": "",
    "wives": "Hana",
    "siblings": "Vera Walt",
    "brothers": "Walt",
    "sisters": "Vera",
    "half-siblings": "Zack Zoe",
    "half-brothers": "Zack",
    "half-sisters": "Zoe",
    "grandparents": "Fred Iris Otto Rosa",
    "grandfathers": "Fred Otto",
    "grandmothers": "Iris Rosa",
    "paternal grandparents": "Fred Iris",
    "paternal grandfathers": "Fred",
    "paternal grandmothers": "Iris",
    "maternal grandparents": "Otto Rosa",
    "maternal grandfathers": "Otto",
    "maternal grandmothers": "Rosa",
    "grandchildren": "Ray Sue",
    "grandsons": "Ray",
    "granddaughters": "Sue",
    "parents-in-law": "Karl Lena",
    "fathers-in-law": "Karl",
    "mothers-in-law": "Lena",
    "children-in-law": "Pia Tom",
    "sons-in-law": "Tom",
    "daughters-in-law": "Pia",
    "great-grandparents": "Cole Edna Moss Nina",
    "great-grandfathers": "Cole Moss",
    "great-grandmothers": "Edna Nina",
    "uncles": "Liam Ugo",
    "aunts": "Kate Tess",
    "paternal uncles": "Liam",
    "paternal aunts": "Kate",
    "maternal uncles": "Ugo",
    "maternal aunts": "Tess",
    "nephews": "Dan",
    "nieces": "Ella",
    "great-grandchildren": "Uma Uli",
    "great-grandsons": "Uli",
    "great-granddaughters": "Uma",
    "brothers-in-law": "Milo Carl",
    "sisters-in-law": "Nora Olga",
    "great-great-grandparents": "Adam Bess",
    "great-great-grandfathers": "Adam",
    "great-great-grandmothers": "Bess",
    "great-uncles": "Hank Quin",
    "great-aunts": "Gwen Pam",
    "paternal great-uncles": "Hank",
    "paternal great-aunts": "Gwen",
    "maternal great-uncles": "Quin",
    "maternal great-aunts": "Pam",
    "first cousins": "Abel Bea",
    "paternal first cousins": "Abel",
    "maternal first cousins": "Bea",
    "great-nephews": "Finn",
    "great-nieces": "Gail",
    "great-great-grandchildren": "Vic",
    "first cousins once removed": "Hal Wim",
    "second cousins": "Hope",
}


@pytest.fixture
def clan(tmp_path: Path) -> KnowledgeGraph:
    rows = [row.strip() for row in f"{PEOPLE},{COUPLES.replace(';', ',')}".replace("\n", " ").split(",")]
    return graph_of(family(*filter(None, rows)), tmp_path)


def _ask(graph: KnowledgeGraph, name: str, relation: str) -> set[str]:
    tree, people = graph.family_tree()
    names = [graph.entities[identity].name for identity in people]
    return {names[found] for found in solver.relatives(tree, names.index(name), BY_NAME[relation])}


def test_every_relation_has_a_case() -> None:
    assert set(OF_EGO) == set(BY_NAME)


@pytest.mark.parametrize("relation", BY_NAME)
def test_relations(clan: KnowledgeGraph, relation: str) -> None:
    assert _ask(clan, "Ego", relation) == set(OF_EGO[relation].split())


def test_husbands(clan: KnowledgeGraph) -> None:
    assert _ask(clan, "Hana", "husbands") == {"Ego"}
    assert _ask(clan, "Sara", "husbands") == {"Jack"}
    assert _ask(clan, "Jack", "wives") == {"Sara", "Yana"}


def test_half_siblings_are_no_siblings(clan: KnowledgeGraph) -> None:
    assert _ask(clan, "Zoe", "siblings") == {"Zack"}
    assert _ask(clan, "Zoe", "half-siblings") == {"Ego", "Vera", "Walt"}


def test_two_mothers(tmp_path: Path) -> None:
    graph = graph_of(family("Ann f", "Bea f", "X m", "Y f", "Ann+Bea: X Y"), tmp_path)
    assert _ask(graph, "X", "mothers") == {"Ann", "Bea"}
    assert _ask(graph, "X", "fathers") == set()
    assert _ask(graph, "Ann", "wives") == {"Bea"}


def test_unknown_sex_goes_by_the_place_in_the_family() -> None:
    tree = FamilyTree(["u", "u", "u"], [Family((0, 1), (2,))])
    assert solver.relatives(tree, 2, BY_NAME["fathers"]) == {0}
    assert solver.relatives(tree, 2, BY_NAME["mothers"]) == {1}


def test_siblings_without_known_parents() -> None:
    tree = FamilyTree(["m", "f"], [Family((None, None), (0, 1))])
    assert solver.relatives(tree, 0, BY_NAME["siblings"]) == {1}


def _sex(tree: FamilyTree, home: Family, parent: int) -> str:
    known = tree.sexes[parent]
    return "mf"[home.partners.index(parent)] if known == "u" else known


def _by_paths(tree: FamilyTree, person: int, relation: Relation) -> set[int]:
    """The second way: path search in a graph with a layer of all people for every step."""
    found: set[int] = set()
    for walk in relation.walks:
        net = networkx.DiGraph()
        layer = 0
        net.add_node((0, person))
        steps = walk.replace("PC", "b").replace("FC", "b").replace("MC", "b").replace("PH", "h")
        for step in steps:
            for home in tree.families:
                couple = [partner for partner in home.partners if partner is not None]
                if step in "PFM":
                    pairs = [
                        (child, parent)
                        for child in home.children
                        for parent in couple
                        if step == "P" or step == ("F" if _sex(tree, home, parent) == "m" else "M")
                    ]
                elif step == "C":
                    pairs = [(parent, child) for parent in couple for child in home.children]
                elif step == "S":
                    pairs = [(one, other) for one in couple for other in couple]
                elif step == "b":
                    pairs = [(one, other) for one in home.children for other in home.children]
                else:
                    pairs = [
                        (one, other)
                        for half in tree.families
                        if half is not home and set(half.partners) & set(couple)
                        for one in home.children
                        for other in half.children
                    ]
                for one, other in pairs:
                    if one != other and other is not None:
                        net.add_edge((layer, one), (layer + 1, other))
            layer += 1
        ends = {end for at, end in networkx.descendants(net, (0, person)) if at == layer}
        found |= {end for end in ends if relation.sex in (None, tree.sexes[end])}
    return found - {person}


def _random_tree(seed: int) -> FamilyTree:
    rng = random.Random(seed)
    sexes = [rng.choice("mf") for _ in range(8)]
    generation = list(range(8))
    families = []
    for _ in range(5):
        born = []
        for _ in range(6):
            fathers = [one for one in generation if sexes[one] == "m"]
            mothers = [one for one in generation if sexes[one] == "f"]
            couple = (
                rng.choice(fathers) if fathers and rng.random() < 0.9 else None,
                rng.choice(mothers) if mothers and rng.random() < 0.9 else None,
            )
            if couple in [known.partners for known in families]:
                continue
            children = range(len(sexes), len(sexes) + rng.randrange(4))
            sexes += [rng.choice("mf") for _ in children]
            families.append(Family(couple, tuple(children)))
            born += children
        generation = born or generation
    return FamilyTree(sexes, families)


@pytest.mark.parametrize("seed", range(3))
def test_against_path_search(seed: int) -> None:
    tree = _random_tree(seed)
    rng = random.Random(seed)
    for relation in RELATIONS:
        for person in rng.sample(range(len(tree.sexes)), 12):
            assert solver.relatives(tree, person, relation) == _by_paths(tree, person, relation), (
                relation.name
            )


@pytest.mark.skipif(not ROYALS.exists(), reason="the file is not beside this checkout")
def test_royals() -> None:
    graph = read(ROYALS)
    tree, people = graph.family_tree()
    victoria = people.index("@I1@")
    names = [graph.entities[identity].name for identity in people]
    (grandfather,) = solver.relatives(tree, victoria, BY_NAME["maternal grandfathers"])
    assert names[grandfather] == "Francis Frederick of Saxe-Coburg"
    assert len(solver.relatives(tree, victoria, BY_NAME["children"])) == 9
    assert len(solver.relatives(tree, victoria, BY_NAME["uncles"])) == 11
    rng = random.Random(0)
    for relation in rng.sample(RELATIONS, 12):
        person = rng.randrange(len(people))
        assert solver.relatives(tree, person, relation) == _by_paths(tree, person, relation), relation.name


def test_walks_and_paths() -> None:
    graph = read("london")
    places, lines, edges = graph.edges
    at = {name: number for number, name in enumerate(places)}
    start = at["Bond Street"]
    west, round_ = lines.index("Central westbound"), lines.index("Circle anticlockwise")
    visited = solver.walk(graph, start, [west, round_, round_])
    assert [places[place] for place in visited] == [
        "Notting Hill Gate",
        "Gloucester Road",
        "South Kensington",
    ]
    assert solver.walk(graph, start, [round_]) == []
    path = solver.shortest_path(graph, at["Moorgate"], at["Piccadilly Circus"])
    assert path is not None
    # Breadth first by hand, the second way.
    reached, steps = {at["Moorgate"]}, 0
    while at["Piccadilly Circus"] not in reached:
        reached |= {end for begin, _, end in edges if begin in reached}
        steps += 1
    assert len(path) == steps == 4
    assert solver.is_shortest_path(graph, at["Moorgate"], path, at["Piccadilly Circus"])
    other = [at[name] for name in ("Bank", "Holborn", "Leicester Square", "Piccadilly Circus")]
    assert solver.is_shortest_path(graph, at["Moorgate"], other, at["Piccadilly Circus"])
    for wrong in (other[:-1], [*other, at["Green Park"]], [at["Victoria"], *other[1:]], []):
        assert not solver.is_shortest_path(graph, at["Moorgate"], wrong, at["Piccadilly Circus"])


def test_no_way(tmp_path: Path) -> None:
    graph = graph_of("A,red,B\n", tmp_path, "map.csv")
    assert solver.shortest_path(graph, 1, 0) is None
    assert not solver.is_shortest_path(graph, 1, [0], 0)
