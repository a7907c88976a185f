"""Damaged files, by a seeded mutator: each gives a clear error or a right answer."""

import io
import itertools
import random
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tapehead.errors import InputError, TapeheadError
from tapehead.knowledge import KnowledgeGraph, parse, read, solver
from tapehead.knowledge.pedigree import PARENT_KINDS
from tapehead.tasks.kinship.relations import RELATIONS
from tests.knowledge.files import GEDCOM_7, GEDCOM_TIES, GTFS, family, packed
from tests.knowledge.test_solver import _by_paths

SECONDS = 10
INPUTS = 336
KINDS = ("ged", "csv", "zip", "ged7", "family.csv", "ties.ged", "gml")
GML = b"""\
Creator Gephi
graph [
  multigraph 0
  node [ id 0 label "New York" Longitude -74.0 ]
  node [ id 1 label Boston ]
  node [ id 2 label "Isle" ]
  edge [ source 0 target 1 LinkLabel "OC-3" ]
  edge [ source 0 target 1 LinkLabel OC-12 ]
]
"""

_DATA = Path(__file__).parents[3] / "src" / "tapehead" / "knowledge" / "data"


def _truncated(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def _flipped(data: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 5, 50))):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged)


def _without_lines(data: bytes, rng: random.Random) -> bytes:
    keep = rng.choice((0.99, 0.9, 0.5))
    return b"\n".join(line for line in data.split(b"\n") if rng.random() < keep)


def _shuffled(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    for _ in range(rng.choice((1, 3, 30))):
        one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _spliced(data: bytes, rng: random.Random) -> bytes:
    at, start = rng.randrange(len(data)), rng.randrange(len(data))
    return data[:at] + data[start : start + rng.randrange(200)] + data[at:]


def _words_swapped(data: bytes, rng: random.Random) -> bytes:
    """Ids, names and lines in each other's places: cycles, wrong kinds, contradictions."""
    lines = [line.rsplit(rng.choice((b" ", b",")), 1) for line in data.split(b"\n")]
    ends = [line[-1] for line in lines if len(line) == 2]
    for line in lines:
        if len(line) == 2 and rng.random() < 0.05:
            line[1] = rng.choice(ends)
    return b"\n".join((b"," if b"," in data[:40] else b" ").join(line) for line in lines)


def _recoded(data: bytes, rng: random.Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(rng.choice(("utf-16", "utf-16-le", "utf-32", "cp1252", "cp437", "utf-7")), "replace")


def _long_line(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.choice((b"A", b" ", b"@", b",", b'"', b"1 ", b"\xff")) * 10_000_000 + data[at:]


def _binary(data: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(rng.choice((1, 100, 100_000)))


def _empty(data: bytes, rng: random.Random) -> bytes:
    return rng.choice((b"", b"\n", b"\xef\xbb\xbf", b"\0" * 1000, b"PK\x03\x04", b"0 HEAD", b"\xff\xfe"))


MUTATORS: list[Callable[[bytes, random.Random], bytes]] = [
    *(_truncated, _flipped, _without_lines, _shuffled, _spliced, _words_swapped, _recoded),
    *(_binary, _empty),
]


def _damaged(number: int) -> tuple[str, bytes]:
    """A file's name and content."""
    rng = random.Random(number)
    kind = KINDS[number % len(KINDS)]
    mutate = _long_line if number % 56 < len(KINDS) else MUTATORS[number // len(KINDS) % len(MUTATORS)]
    if kind == "zip":
        if rng.random() < 0.3:
            return "feed.zip", mutate(packed(GTFS), rng)
        table = rng.choice(list(GTFS))
        return "feed.zip", packed({**GTFS, table: mutate(GTFS[table].encode(), rng)})
    data = {
        "ged": (_DATA / "family.ged").read_bytes(),
        "ged7": GEDCOM_7.encode(),
        "ties.ged": GEDCOM_TIES.encode(),
        "gml": GML,
        "csv": (_DATA / "london.csv").read_bytes(),
        "family.csv": (_DATA / "family.csv").read_bytes(),
    }[kind]
    return f"file.{kind.removesuffix('7')}", mutate(data, rng)


def _check(graph: KnowledgeGraph, rng: random.Random) -> None:
    """What can be asked of the graph is answered rightly."""
    if not graph.is_family:
        _, _, edges = graph.edges
        start, line, end = rng.choice(edges)
        assert solver.walk(graph, start, [line]) == [end]
        assert solver.shortest_path(graph, start, end) in ([end], [])
        return
    tree, people = graph.family_tree()
    _check_pedigree(graph)
    person = rng.randrange(len(people))
    question = parse(f"Who is {people[person]}'s father?", graph)
    assert question.person == people[person]  # type: ignore[union-attr]
    for relation in rng.sample(RELATIONS, 4):
        assert solver.relatives(tree, person, relation) == _by_paths(tree, person, relation)


def _check_pedigree(graph: KnowledgeGraph) -> None:
    """Parents and unions say the same, and only of people who are there."""
    pedigree = graph.pedigree
    people = pedigree.sexes.keys()
    assert people == pedigree.parents.keys() == pedigree.unions.keys() == pedigree.birth_years.keys()
    children: dict[str, set[str]] = {person: set() for person in people}
    for child, ties in pedigree.parents.items():
        assert len({tie.parent for tie in ties}) == len(ties)
        assert [PARENT_KINDS.index(tie.kind) for tie in ties] == sorted(
            PARENT_KINDS.index(tie.kind) for tie in ties
        )
        for tie in ties:
            children[tie.parent].add(child)
    for person, unions in pedigree.unions.items():
        assert all(person in union.partners and set(union.partners) <= people for union in unions)
        assert {child for union in unions for child in union.children} == children[person]


@pytest.mark.parametrize("part", range(8))
def test_damaged_files(tmp_path: Path, part: int) -> None:
    answered = 0
    errors = []
    for number in range(part * INPUTS // 8, (part + 1) * INPUTS // 8):
        name, content = _damaged(number)
        path = tmp_path / name
        path.write_bytes(content)
        start = time.perf_counter()
        try:
            graph = read(path)
            _check(graph, random.Random(number))
            answered += 1
        except TapeheadError as error:
            errors.append(str(error))
        assert time.perf_counter() - start < SECONDS, number
    # One sentence that a terminal can show.
    assert all(error.isprintable() and len(error) < 1500 for error in errors)
    # The mutator is not so coarse that everything is refused, nor so fine that nothing is.
    assert 0 < answered < INPUTS // 8


@pytest.mark.parametrize("table", GTFS)
def test_zip_bombs(tmp_path: Path, table: str) -> None:
    rows = GTFS[table].encode()
    for filler in (b"\n", b"\0", rows):
        content = packed({**GTFS, table: rows + filler * (30_000_000 // len(filler))})
        path = tmp_path / "bomb.zip"
        path.write_bytes(content)
        with pytest.raises(InputError, match="zip bomb"):
            read(path)


def test_a_zip_that_lies_about_its_size(tmp_path: Path) -> None:
    content = bytearray(packed({**GTFS, "stops.txt": GTFS["stops.txt"] + " " * 5_000_000}))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo("stops.txt").file_size
    path = tmp_path / "bomb.zip"
    path.write_bytes(content.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    with pytest.raises(InputError):
        read(path)


def test_everybody_is_everybodys_child(tmp_path: Path) -> None:
    people = [f"P{n}" for n in range(60)]
    rows = [f"{one} m" for one in people]
    rows += [f"{one}+{other}: {' '.join(people)}" for one, other in itertools.pairwise(people)]
    path = tmp_path / "tangle.ged"
    path.write_text(family(*rows))
    tree, _ = read(path).family_tree()
    for person in range(60):
        assert person not in solver.relatives(tree, person, RELATIONS[0])


@pytest.mark.parametrize(
    "words",
    [
        "from a take " * 80,
        "who is " * 140,
        "'s " * 330,
        "of " * 330,
        " to " * 240,
        "from " * 200,
        "where am i if i " * 60,
        "a," * 500,
        "the mother of " * 70 + "Veit Bach",
        "Veit Bach" + "'s mother" * 100,
        "\0\x1b[31m" * 100,
        "👪" * 900,
    ],
)
def test_endless_questions(words: str) -> None:
    for graph in (read("family"), read("london")):
        start = time.perf_counter()
        with pytest.raises(InputError):
            parse(words, graph)
        assert time.perf_counter() - start < 2
