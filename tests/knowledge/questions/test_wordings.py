"""How people ask about a family, and the exact answers, written by hand."""

import pytest

from tapehead.errors import InputError
from tapehead.knowledge import CheckQuestion, KinshipQuestion, KnowledgeGraph, TieQuestion, parse, read_bytes
from tapehead.knowledge.ask_family import answer_family
from tests.knowledge.files import family

FAMILY = family(
    *("Abe m 1850-1920", "Bea f 1852-1886", "Cal m 1851-1930", "Dot f 1855-1931", "Gin f 1860-1940"),
    *("Tom m 1880-1950", "Walt m 1882-1950", "Xena f 1884-1950", "Una f 1885-1917", "Vic m 1887-1950"),
    *("Zed m 1890-1960", "Ria f 1890-1970", "Ida f 1886-1960", "Fay f 1890-1960", "Otto m 1880-1950"),
    *("Liz f 1908-1990", "Sam m 1910-1990", "Ned m 1912-1990", "Amy f 1915-1990", "Kit m 1920-1990"),
    *("Jo f 1916-1990", "Max m 1911-1990", "Eve f 1913-1990", "Hal m 1914-1990", "Pia f 1912-1990"),
    *("Guy m 1925-1990", "Joy f 1911-1990", "Kay f 1914-1990", "Rex m 1880-1950", "Sal f 1885-1950"),
    *("Tad m 1916-1990", "Ann f 1940-2000", "Ben m 1942-2000", "Cleo f 1944-2000", "Ray m 1938-2000"),
    *("Dan m 1965-2020", "Edi f 1967-2020", "Flo f 1966-2020", "Gil m 1990-2020", "Ivo m 2015-2020"),
    *("Ken m 1905-1980", "Nan f 1935-2000", "Odo m 1930-2000", "Pat m 1960-2020", "Quin f 1912-1990"),
    *("Rob m 1940-2000", "Tea f 1970-2020", "Lone m 1900-1980"),
    *(
        "Abe+Bea: Tom Walt Xena",
        "Abe+Gin: Zed",
        "Cal+Dot: Una Vic",
        "Tom+Una: Liz Sam Ned Amy",
        "Tom+Ria: Kit",
    ),
    *("?+Ria: Jo", "Walt+Ida: Max Eve", "Vic+Fay: Hal", "Otto+Xena: Pia", "Zed+?: Guy", "Sam+Joy:"),
    *("Sam+Kay: Ann Ben Cleo", "Rex+Sal: Kay Tad", "Ray+Ann: Dan Edi", "Dan+Flo: Gil", "Gil+?: Ivo"),
    *("Ken+Liz: Nan", "Odo+Nan: Pat", "Max+Quin: Rob", "Rob+?: Tea"),
)
FAMILY = FAMILY.replace("0 @F11@ FAM", "0 @F11@ FAM\n1 DIV Y")  # Sam and Joy
FAMILY = FAMILY.replace("1 CHIL @I34@", "1 CHIL @I34@\n2 _FREL Adopted\n2 _MREL Adopted")  # Cleo

WHO = """
Who is Sam's father? = Tom
Who's Sam's mum? = Una
Who are Sam's grandkids? = Dan Edi
Who are Sam's brothers and sisters? = Liz Ned Amy Kit
Sam's full siblings = Liz Ned Amy
Who is Sam's half-brother? = Kit
Sam's stepsister = Jo
Who was Sam's stepmother? = Ria
Who are Sam's aunts and uncles? = Walt Xena Vic Zed Ida Fay Otto
aunts of Sam by blood = Xena
Sam's aunts by marriage = Ida Fay
Who are the nieces and nephews of Sam? = Nan
Who are Jo's nieces? =
Tad's niece = Ann Cleo
Who are Kay's nephews? =
Tad's nephews = Ben
Kay's niece = Nan
Who are Sam's ancestors? = Tom Una Abe Bea Cal Dot
Who are the descendants of Sam? = Ann Ben Cleo Dan Edi Gil Ivo
Who are Sam's in-laws? = Rex Sal Tad Ken Ray
Sam's siblings-in-law = Tad Ken
Who are Dan's third cousins? = Tea
Who is Sam's first cousin once removed? = Rob
Sam's first cousin twice removed = Tea
Dan's second cousin once removed = Rob
Who is Sam's great-great-grandson? = Ivo
great great grandson of Sam = Ivo
Who is Gil's great-great-great-grandfather? = Abe Cal
3rd great-grandmother of Gil = Bea Dot
Who is Ivo's 4th great-grandfather? = Abe Cal
Kit's stepsister =
Who is Kit's half-sister? = Liz Amy Jo
Sam's birth mother = Una
Who are the adoptive parents of Cleo? = Sam Kay
Cleo's birth parents =
Who is Sam's adopted daughter? = Cleo
Who is Sam's half-uncle? = Zed
Who is Sam's half-cousin? = Guy
Who is Joy's ex-husband? = Sam
Sam's ex-wife = Joy
Who is Sam's oldest brother? = Ned
Sam's youngest brother = Kit
oldest daughter of Sam = Ann
second oldest sibling of Sam = Ned
Who was Sam's first wife? = Joy
Sam's second wife = Kay
Who is Sam's third wife? =
Who are Sam's cousins on his mother's side? = Hal
Who are the cousins of Sam on his father's side? = Max Eve Pia Guy
Sam's uncles on the maternal side = Vic
Who is Sam's mother's brother's son? = Hal
Who is Sam's uncle's wife? = Ida Fay
Sam's cousin's father = Walt Otto Vic Zed
the son of the brother of Sam's father = Max Guy
Sam's father's sister's husband = Otto
Sam's mother's mother's daughter's son = Ned
Who did Sam marry? = Joy Kay
Who did Tom marry second? = Ria
Who is Sam married to? = Joy Kay
Who was Liz married to? = Ken
Who married Kay? = Sam
Which sisters did Sam have? = Liz Amy
Did Sam have any sons? = Ben
What cousins has Sam? = Max Eve Pia Hal Guy
Who adopted Cleo? = Sam Kay
Whom did Sam adopt? = Cleo
grandfather of Sam on his father's side = Abe
List all of Sam's great-nephews. = Pat
Please tell me who Sam's children are = Ann Ben Cleo
Sam's dad's dad = Abe
Kay's brother-in-law = Ned Kit
Kay's co-brother-in-law = Ken
Sam's sister in law =
Sam's co-father-in-law =
the grandparents of Sam = Abe Bea Cal Dot
Sam's sons and daughters = Ann Ben Cleo
Sam's sons or nephews = Ben
"""
"""wording = the exact answer"""

HOW_MANY = """
How many children has Sam? = 3
How many grandchildren does Abe have? = 9
how many brothers did Sam have = 2
How many kids were born to Tom? = 5
How often was Sam married? = 2
number of first cousins of Sam = 5
How many descendants has Sam? = 7
"""

HOW_RELATED = """
How is Sam related to Kit? = half-brother
How is Sam related to Hal? = first cousin
How are Sam and Guy related? = half first cousin
how are Sam and Kay related to each other = husband
What is the relationship between Ida and Sam? = aunt by marriage
What relation is Sam to Ida? = nephew-in-law
Who is Jo to Sam? = stepsister
How is Cleo related to Abe? = adopted great-granddaughter
how is Ivo related to Abe = great-great-great-great-grandson
How is Rob related to Ann? = second cousin
Relationship of Tad to Sam = brother-in-law
How is Rex connected to Tom? = co-father-in-law
How is Lone related to Sam? = -
"""

WHETHER = """
Is Tom the father of Sam? = yes
Is Sam the father of Tom? = no
Was Kit Sam's brother? = yes
Is Kit Sam's full brother? = no
Are Sam and Max cousins? = yes
Are Sam and Kay married? = yes
Was Sam married to Joy? = yes
Did Sam marry Fay? = no
Is Ria Sam's mother? = no
Is Sam related to Lone? = no
Is Ivo a descendant of Abe? = yes
Is Gil descended from Cal? = yes
Is Xena one of Sam's aunts? = yes
Is Hal Sam's mother's brother's son? = yes
Is Ida an aunt by blood of Sam? = no
Is Otto Sam's uncle by marriage? = yes
"""


def _rows(table: str) -> list[tuple[str, str]]:
    rows = [line.rpartition("=") for line in table.strip().splitlines()]
    return [(words.strip(), answer.strip()) for words, _, answer in rows]


@pytest.fixture(scope="module")
def graph() -> KnowledgeGraph:
    return read_bytes(FAMILY.encode(), "family.ged")


def test_there_are_many() -> None:
    assert sum(map(len, map(_rows, (WHO, HOW_MANY, HOW_RELATED, WHETHER)))) >= 100


@pytest.mark.parametrize(("words", "names"), _rows(WHO))
def test_who(graph: KnowledgeGraph, words: str, names: str) -> None:
    question = parse(words, graph)
    assert isinstance(question, KinshipQuestion)
    assert not question.count
    assert sorted(answer_family(graph, question, None, words).exact) == sorted(names.split())


@pytest.mark.parametrize(("words", "number"), _rows(HOW_MANY))
def test_how_many(graph: KnowledgeGraph, words: str, number: str) -> None:
    answer = answer_family(graph, parse(words, graph), None, words)
    assert (str(answer.count), answer.to_dict()["count"]) == (number, int(number))
    assert f"exact:   {number}: " in str(answer)


@pytest.mark.parametrize(("words", "relation"), _rows(HOW_RELATED))
def test_how_related(graph: KnowledgeGraph, words: str, relation: str) -> None:
    question = parse(words, graph)
    assert isinstance(question, TieQuestion)
    answer = answer_family(graph, question, None, words)
    assert (answer.relation or "-") == relation
    assert answer.exact == ([relation] if relation != "-" else [])
    if relation == "-":
        assert answer.said[0].startswith("no tie in this file: Lone and Sam")
        return
    assert answer.said[0].startswith(
        f"{graph.entities[question.person].name} is {graph.entities[question.other].name}'s {relation}"
    )
    assert (answer.path[0].id, answer.path[-1].id) == (question.person, question.other)


@pytest.mark.parametrize(("words", "verdict"), _rows(WHETHER))
def test_whether(graph: KnowledgeGraph, words: str, verdict: str) -> None:
    question = parse(words, graph)
    assert isinstance(question, CheckQuestion)
    answer = answer_family(graph, question, None, words)
    assert answer.exact == [verdict]
    assert f"exact:   {verdict}: {graph.entities[question.person].name} " in str(answer).replace(
        "no tie in this file: ", ""
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("How is Sam related to Zoltan?", "nobody is called 'Zoltan'"),
        ("What relation is Sam to Zoltan?", "nobody is called 'Zoltan'"),
        ("How is Sam related to Sam?", "names one person twice"),
        ("Is Sam the father of Zoltan?", "nobody is called 'Zoltan'"),
        ("Is Sam the zorg of Tom?", r"no relation 'zorg': did you mean .*, .* or .*\?$"),
        ("Is Sam Tom's grand-brother?", "no relation 'grand-brother': did you mean"),
        ("Is Zoltan the father of Miklos?", "nobody is called 'Zoltan'"),
        ("Are Sam and Zoltan cousins?", "nobody is called|not understood"),
        ("How many zorgs has Sam?", "no relation 'zorgs'"),
        ("Who is Sam's step-nephu?", "did you mean step-nephew"),
    ],
)
def test_what_is_not_understood(graph: KnowledgeGraph, words: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as failure:
        parse(words, graph)
    assert len(str(failure.value)) < 300
