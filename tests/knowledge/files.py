"""Small files for the tests, written out as text."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tapehead.knowledge import KnowledgeGraph, read

ROYALS = Path(__file__).parents[2].parent / "shared" / "data" / "gedcom" / "royal92.ged"

GEDCOM = """\
0 HEAD
1 SOUR TEST
1 GEDC
2 VERS 5.5.1
1 CHAR UTF-8
0 @I1@ INDI
1 NAME José Émile /Núñez/
1 TITL Duke of Somewhere
1 SEX M
1 BIRT
2 DATE ABT 1800
1 DEAT
2 DATE 3 MAR 1870
1 FAMS @F1@
0 @I2@ INDI
1 NAME Ann /Lee/
2 TYPE birth
1 NAME Ann /Núñez/
2 TYPE married
1 SEX F
1 FAMS @F1@
0 @I3@ INDI
1 NAME Bob /Núñez/
1 SEX M
1 BIRT
2 DATE 1830
1 FAMC @F1@
0 @I4@ INDI
1 NAME Cid /Núñez/
1 SEX M
1 BIRT
2 DATE 1825
1 FAMC @F1@
0 @F1@ FAM
1 HUSB @I1@
1 WIFE @I2@
1 CHIL @I3@
1 CHIL @I4@
0 TRLR
"""

GEDCOM_7 = """\
0 HEAD
1 GEDC
2 VERS 7.0
0 @I1@ INDI
1 NAME José /Núñez/
1 SEX M
1 FAMS @F1@
0 @I2@ INDI
1 NAME Ann /Lee/
1 SEX F
1 FAMS @F1@
0 @I3@ INDI
1 NAME Bob /Núñez/
1 SEX M
1 FAMC @F1@
2 PEDI ADOPTED
0 @F1@ FAM
1 HUSB @I1@
1 WIFE @I2@
1 CHIL @I3@
1 CHIL @VOID@
0 TRLR
"""

GEDCOM_TIES = """\
0 HEAD
1 SOUR RootsMagic
2 VERS 7.5.4
1 GEDC
2 VERS 5.5.1
1 CHAR UTF-8
0 @I1@ INDI
1 NAME
2 GIVN Lena
2 SURN Marsh
1 SEX F
1 BIRT
2 DATE @#DJULIAN@ 11 FEB 1731/32
2 FAMC @F2@
1 ADOP
2 FAMC @F1@
3 ADOP HUSB
1 FAMC @F1@
2 PEDI adopted
1 FAMC @F2@
2 STAT proven
0 @I2@ INDI
1 NAME Otto /Marsh/
2 NICK Ott
1 FAMS @F1@
0 @I3@ INDI
1 NAME Ada /Pell/
2 _MARNM Marsh
1 ALIA Addie
1 FAMS @F1@
0 @I4@ INDI
1 NAME /王/小明
1 SEX M
1 BIRT
2 DATE @#DHEBREW@ 2 TVT 5758
1 FAMS @F2@
0 @F1@ FAM
1 HUSB @I2@
1 WIFE @I3@
1 MARR
2 DATE FROM 1700 TO 1710
1 DIV
1 CHIL @I1@
2 _FREL Step
2 _MREL Natural
0 @F2@ FAM
1 HUSB @I4@
1 CHIL @I1@
0 TRLR
"""
"""Ties, names and dates of every kind."""

GTFS = {
    "stops.txt": """\
stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station
A,Alpha,1.0,1.0,1,
A1,Alpha platform 1,1.0,1.0,0,A
A2,Alpha platform 2,1.0,1.0,0,A
B,Beta,1.1,1.0,0,
B2,Beta,1.1001,1.0,0,
C,Gamma,1.2,1.0,0,
""",
    "routes.txt": "route_id,route_short_name,route_long_name\nr1,U1,First line\nr2,,Second line\n",
    "trips.txt": "route_id,service_id,trip_id\nr1,s,t1\nr1,s,t2\nr2,s,t3\n",
    "stop_times.txt": """\
trip_id,arrival_time,departure_time,stop_id,stop_sequence
t1,8:00:00,8:00:00,A1,1
t1,8:09:00,8:09:00,C,9
t1,8:05:00,8:05:00,B,5
t2,9:00:00,9:00:00,C,1
t2,9:05:00,9:05:00,B2,2
t2,9:09:00,9:09:00,A2,3
t3,7:00:00,7:00:00,A2,1
t3,7:30:00,7:30:00,C,2
""",
}


def packed(tables: Mapping[str, str | bytes]) -> bytes:
    """A zip with these members."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in tables.items():
            archive.writestr(name, content)
    return data.getvalue()


def graph_of(content: str | bytes, folder: Path, name: str = "file.ged", **options: Any) -> KnowledgeGraph:
    """Read this content as a file."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path, **options)


def family(*rows: str) -> str:
    """GEDCOM in short: "Ann f 1800-1870" is a person, "Bob+Ann: Cid Dora" a couple with children."""
    people: dict[str, str] = {}
    lines = ["0 HEAD", "1 GEDC", "2 VERS 5.5.1", "1 CHAR UTF-8"]
    couples = []
    for row in rows:
        if "+" not in row:
            name, sex, *years = row.split()
            people[name] = f"@I{len(people) + 1}@"
            lines += [f"0 {people[name]} INDI", f"1 NAME {name} //", f"1 SEX {sex.upper()}"]
            born, _, died = (years or [""])[0].partition("-")
            lines += ["1 BIRT", f"2 DATE {born}"] if born else []
            lines += ["1 DEAT", f"2 DATE {died}"] if died else []
        else:
            couples.append(row)
    for number, row in enumerate(couples, 1):
        partners, _, children = row.partition(":")
        lines.append(f"0 @F{number}@ FAM")
        for tag, partner in zip(("HUSB", "WIFE"), partners.split("+")):
            lines += [f"1 {tag} {people[partner]}"] if partner.strip("?") else []
        lines += [f"1 CHIL {people[child]}" for child in children.split()]
    return "\n".join([*lines, "0 TRLR", ""])
