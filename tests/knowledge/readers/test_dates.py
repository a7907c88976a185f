from pathlib import Path

import pytest

from tapehead.knowledge.readers.dates import parse_date, shown_date, year_of
from tests.knowledge.files import graph_of


@pytest.mark.parametrize(
    ("date", "year", "day"),
    [
        ("24 MAY 1819", 1819, (1819, 5, 24)),
        ("ABT 1050", 1050, (1050,)),
        ("BEF MAR 1850", 1850, (1850, 3)),
        ("INT 1850 (in the spring)", 1850, (1850,)),
        ("FROM 1 JAN 1900 TO 5 FEB 1910", 1900, (1900, 1, 1)),
        ("BET 1480 AND 1490", 1480, (1480,)),
        # The year began in March: this February is after December 1731.
        ("@#DJULIAN@ 11 FEB 1731/32", 1731, (1732, 2, 11)),
        ("10 FEB 1699/00", 1699, (1700, 2, 10)),
        ("1850/51", 1850, (1851,)),
        ("1850/03/12", 1850, (1850, 3, 12)),
        # Known days of history: the eighteenth of Brumaire, and the founding of Israel.
        ("@#DFRENCH R@ 18 BRUM 8", 1799, (1799, 11, 9)),
        ("FRENCH_R 18 BRUM 8", 1799, (1799, 11, 9)),
        ("@#DHEBREW@ 5 IYR 5708", 1948, (1948, 5, 14)),
        ("BET @#DHEBREW@ 5 IYR 5708 AND @#DHEBREW@ 5710", 1948, (1948, 5, 14)),
        ("@#DHEBREW@ 5758", 1998, (1998,)),
        ("@#DFRENCH R@ 99 VEND 3", 1794, (1794, 9)),
        ("@#DHEBREW@ 9 XXX", None, ()),
        ("@#DROMAN@ 753", None, ()),
        ("_MAYAN 12 X 400", None, ()),
        ("44 B.C.", -44, (-44,)),
        ("15 MAR 44 BCE", -44, (-44,)),
        ("BC 44", -44, (-44,)),
        ("ABT 44", 44, (44,)),
        ("12. März 1850", 1850, (1850, 3, 12)),
        ("2 août 1850", 1850, (1850, 8, 2)),
        ("12 juillet 1800", 1800, (1800, 7, 12)),
        ("3 de enero de 1850", 1850, (1850, 1, 3)),
        ("1 мая 1900", 1900, (1900, 5, 1)),
        ("September 11, 1801", 1801, (1801, 9, 11)),
        ("1850-03-12", 1850, (1850, 3, 12)),
        ("12.03.1850", 1850, (1850, 3, 12)),
        ("13/2/1850", 1850, (1850, 2, 13)),
        ("3/4/1850", 1850, (1850,)),  # in March or in April
        ("185?", None, ()),
        ("1850?", 1850, (1850,)),
        ("9999", None, ()),
        ("0000", None, ()),
        ("5 MAY", None, ()),
        ("(unknown)", None, ()),
        ("", None, ()),
        ("½ ٣ @#D@ @#DJULIAN@", None, ()),
    ],
)
def test_dates(date: str, year: int | None, day: tuple[int, ...]) -> None:
    assert parse_date(date) == (year, day)
    assert year_of(date) == year


def test_dates_for_people() -> None:
    assert shown_date("@#DJULIAN@ 11 FEB 1731/32") == "11 FEB 1731/32 (Julian)"
    assert shown_date("@#DFRENCH R@ 18 BRUM 8") == "18 BRUM 8 (French republican)"
    assert shown_date("@#DGREGORIAN@ 1 JAN 1800") == shown_date("1 JAN 1800") == "1 JAN 1800"


DATED = """\
0 HEAD
0 @I1@ INDI
1 NAME Ann /Lee/
1 BAPM
2 DATE 1801
1 BIRT
2 DATE @#DROMAN@ 12 FEB 753
1 DEAT
2 DATE 5 MAY
0 @I2@ INDI
1 NAME Bob /Lee/
1 BIRT
2 DATE (nobody remembers)
0 TRLR
"""


def test_a_date_that_is_not_understood_is_none_and_counted(tmp_path: Path) -> None:
    graph = graph_of(DATED, tmp_path)
    ann, bob = graph.entities.values()
    # Of the events that tell of a birth, the first with a year.
    assert (ann.born_year, ann.died_year, ann.dead, bob.born_year) == (1801, None, True, None)
    assert bob.born == "(nobody remembers)"
    assert graph.notes == ["2 dates are not understood, for example '@#DROMAN@ 12 FEB 753': left out"]
