"""A family drawn by hand, with somebody of every kind around Ego, and what each is to each, written by hand.

Names: f1 … f4 are Ego's father, his father and so on, m1 … m4 their wives (m1 is Ego's mother), d1 … d4 go
down from Ego. c23 goes up two from Ego and down three: c21 is an aunt, c22 her son, c23 his daughter. h23
is the same of half blood: h21 is the son of f2 and his second wife w2.
"""

from tapehead.knowledge.kinship.index import Kin
from tapehead.knowledge.pedigree import ParentKind, Pedigree, Union
from tapehead.tasks.kinship.tree import Sex

MEN = """
ego f1 f2 f3 f4 d1 d3 c11 c13 c22 c24 c31 c33 c42 c44 h12 h14 h21 h23 h32 h34 h41 h43 sf sff sb sbs sfb sh
sbwf c21h c21hb c12h c23h d2h d1wf h11h n1 n2 n1b n1c n1e st1 ssn ads fo gu xef q
"""
WOMEN = """
m1 m2 m3 m4 w1 w2 w3 w4 d2 d4 c12 c14 c21 c23 c32 c34 c41 c43 h11 h13 h22 h24 h31 h33 h42 h44 se xe sm ss sbw
sfc c11w c22w c31w c33w d1w d1wm h21w n1d ssd ad
"""
COUPLES = """
f4+m4: f3 c41; f3+m3: f2 c31; f2+m2: f1 c21; f1+m1: ego c11
f4+w4: h41; f3+w3: h31; f2+w2: h21; f1+w1: h11
c11+c11w: c12; c12+c12h: c13; c13: c14
c21+c21h: c22; c22+c22w: c23; c23+c23h: c24
c31+c31w: c32; c32: c33; c33+c33w: c34
c41: c42; c42: c43; c43: c44
h11+h11h: h12; h12: h13; h13: h14
h21+h21w: h22; h22: h23; h23: h24
h31: h32; h32: h33; h33: h34
h41: h42; h42: h43; h43: h44
ego+xe: ; ego+se: d1 ad fo; d1+d1w: d2; d2+d2h: d3; d3: d4
sff: sf sfb; sf+sm: se sb ss; sf: sh; sb+sbw: sbs; sfb: sfc; sbwf: sbw; xef: xe
d1wf+d1wm: d1w; f4: ; c21hb+: ; n2: n1 n1b; n1+m1: ; n1b: n1c; n1: n1d; n1d: n1e; w1: st1
se+q: ssn; ssn: ssd; ad: ads; gu: ego
"""
KINDS: dict[tuple[str, str], ParentKind] = {
    ("ad", "ego"): "adopted",
    ("ad", "se"): "adopted",
    ("fo", "ego"): "foster",
    ("fo", "se"): "foster",
    ("ego", "gu"): "guardian",
}
"""(child, parent) → tie; all others are of birth."""
DIVORCED = {"ego+xe"}
IN_ONE_FAMILY = [["c21h", "c21hb"]]
"""Brothers whose parents the file does not name."""


def clan() -> Kin:
    """The family."""
    sexes: dict[str, Sex] = dict.fromkeys(MEN.split(), "m")
    sexes |= dict.fromkeys(WOMEN.split(), "f")
    unions = []
    for number, row in enumerate(COUPLES.replace("\n", ";").split(";")):
        couple, _, children = row.strip().partition(":")
        if couple:
            partners = tuple(filter(None, couple.split("+")))
            unions.append(Union(f"F{number}", partners, tuple(children.split()), divorced=couple in DIVORCED))
    order: dict[str, list[Union]] = {}
    for union in unions:
        for partner in union.partners:
            order.setdefault(partner, []).append(union)

    def kind(child: str, union: Union, parent: str) -> ParentKind:
        return KINDS.get((child, parent), "birth")

    years = dict.fromkeys(sexes)
    pedigree = Pedigree.of_unions(sexes, years, unions, kind, order)  # type: ignore[arg-type]
    return Kin(pedigree, IN_ONE_FAMILY)


PAIRS = """
ego f1: father | son
ego f2: grandfather | grandson
ego f3: great-grandfather | great-grandson
ego f4: great-great-grandfather | great-great-grandson
ego m1: mother | son
ego m2: grandmother | grandson
ego m3: great-grandmother | great-grandson
ego m4: great-great-grandmother | great-great-grandson
ego d1: son | father
ego d2: granddaughter | grandfather
ego d3: great-grandson | great-grandfather
ego d4: great-great-granddaughter | great-great-grandfather

ego c11: brother | brother
ego c12: niece | uncle
ego c13: great-nephew | great-uncle
ego c14: great-great-niece | great-great-uncle
ego c21: aunt | nephew
ego c22: first cousin | first cousin
ego c23: first cousin once removed | first cousin once removed
ego c24: first cousin twice removed | first cousin twice removed
ego c31: great-uncle | great-nephew
ego c32: first cousin once removed | first cousin once removed
ego c33: second cousin | second cousin
ego c34: second cousin once removed | second cousin once removed
ego c41: great-great-aunt | great-great-nephew
ego c42: first cousin twice removed | first cousin twice removed
ego c43: second cousin once removed | second cousin once removed
ego c44: third cousin | third cousin

ego h11: half-sister | half-brother
ego h12: half-nephew | half-uncle
ego h13: half-great-niece | half-great-uncle
ego h14: half-great-great-nephew | half-great-great-uncle
ego h21: half-uncle | half-nephew
ego h22: half first cousin | half first cousin
ego h23: half first cousin once removed | half first cousin once removed
ego h24: half first cousin twice removed | half first cousin twice removed
ego h31: half-great-aunt | half-great-nephew
ego h32: half first cousin once removed | half first cousin once removed
ego h33: half second cousin | half second cousin
ego h34: half second cousin once removed | half second cousin once removed
ego h41: half-great-great-uncle | half-great-great-nephew
ego h42: half first cousin twice removed | half first cousin twice removed
ego h43: half second cousin once removed | half second cousin once removed
ego h44: half third cousin | half third cousin

d1 c11: uncle | nephew
d1 c12: first cousin | first cousin
d1 c13: first cousin once removed | first cousin once removed
d1 c14: first cousin twice removed | first cousin twice removed
d1 c21: great-aunt | great-nephew
d1 c22: first cousin once removed | first cousin once removed
d1 c23: second cousin | second cousin
d1 c24: second cousin once removed | second cousin once removed
d1 c31: great-great-uncle | great-great-nephew
d1 c32: first cousin twice removed | first cousin twice removed
d1 c33: second cousin once removed | second cousin once removed
d1 c34: third cousin | third cousin
d1 c41: great-great-great-aunt | great-great-great-nephew
d2 c11: great-uncle | great-niece
d2 c12: first cousin once removed | first cousin once removed
d2 c13: second cousin | second cousin
d2 c14: second cousin once removed | second cousin once removed
d2 c21: great-great-aunt | great-great-niece
d2 c22: first cousin twice removed | first cousin twice removed
d2 c23: second cousin once removed | second cousin once removed
d2 c24: third cousin | third cousin
d3 c11: great-great-uncle | great-great-nephew
d3 c12: first cousin twice removed | first cousin twice removed
d3 c13: second cousin once removed | second cousin once removed
d3 c14: third cousin | third cousin
d3 f4: 5th great-grandfather | 5th great-grandson
d2 f4: great-great-great-great-grandfather | great-great-great-great-granddaughter
d1 f4: great-great-great-grandfather | great-great-great-grandson

c11 c22: first cousin | first cousin
c12 c22: first cousin once removed | first cousin once removed
c12 c23: second cousin | second cousin
c13 c24: third cousin | third cousin
c22 c33: second cousin | second cousin
c24 c44: third cousin twice removed | third cousin twice removed
c34 c44: third cousin once removed | third cousin once removed
c21 c31: uncle | niece
c21 c41: great-aunt | great-niece
c31 c41: aunt | nephew
f1 c21: sister | brother
f1 c22: nephew | uncle
f1 c31: uncle | nephew
f2 c31: brother | brother
f2 c22: grandson | grandfather
f3 c33: great-grandson | great-grandfather
f4 c44: great-great-grandson | great-great-grandfather
h21 c21: half-sister | half-brother
h22 c22: half first cousin | half first cousin
h23 c23: half second cousin | half second cousin
h24 c24: half third cousin | half third cousin
h11 c12: half-niece | half-aunt
h12 c12: half first cousin | half first cousin
h21 h31: half-aunt | half-nephew
h22 h33: half second cousin | half second cousin
h41 c31: half-nephew | half-uncle
f1 h21: half-brother | half-brother

ego se: wife | husband
ego xe: ex-wife | ex-husband
ego sf: father-in-law | son-in-law
ego sm: mother-in-law | son-in-law
ego sff: grandfather-in-law | grandson-in-law
ego sb: brother-in-law | brother-in-law
ego ss: sister-in-law | brother-in-law
ego sh: half-brother-in-law | half-brother-in-law
ego sbw: co-sister-in-law | co-brother-in-law
ego sbs: nephew-in-law | uncle by marriage
ego sfb: uncle-in-law | nephew by marriage
ego sfc: first cousin-in-law | first cousin by marriage
ego c11w: sister-in-law | brother-in-law
ego c12h: nephew by marriage | uncle-in-law
ego c21h: uncle by marriage | nephew-in-law
ego c22w: first cousin by marriage | first cousin-in-law
ego c23h: first cousin once removed by marriage | wife's first cousin once removed
ego c31w: great-aunt by marriage | great-nephew-in-law
ego c33w: second cousin by marriage | second cousin-in-law
ego h21w: half-aunt by marriage | half-nephew-in-law
ego h11h: half-brother-in-law | half-brother-in-law
ego d1w: daughter-in-law | father-in-law
ego d2h: grandson-in-law | grandfather-in-law
ego d1wf: co-father-in-law | co-father-in-law
ego d1wm: co-mother-in-law | co-father-in-law
ego xef: ex-father-in-law | ex-son-in-law
ego sbwf: wife's brother's wife's father | daughter's husband's sister's husband
ego c21hb: aunt's husband's brother | brother's wife's nephew
f1 d1w: granddaughter-in-law | grandfather-in-law
d1 c11w: aunt by marriage | nephew-in-law
d1 c21h: great-uncle by marriage | great-nephew-in-law
c12 se: aunt by marriage | niece-in-law
c11 se: sister-in-law | brother-in-law
f1 se: daughter-in-law | father-in-law
m1 sm: co-mother-in-law | co-mother-in-law
se xe: husband's ex-wife | ex-husband's wife
c21 sbw: nephew's wife's brother's wife | husband's sister's husband's aunt

ego w1: stepmother | stepson
ego n1: stepfather | stepson
ego n2: step-grandfather | step-grandson
ego n1b: step-uncle | step-nephew
ego n1c: step first cousin | step first cousin
ego n1d: stepsister | stepbrother
ego n1e: step-nephew | step-uncle
ego st1: stepbrother | stepbrother
ego w2: step-grandmother | step-grandson
ego w3: step-great-grandmother | step-great-grandson
ego ssn: stepson | stepfather
ego ssd: step-granddaughter | step-grandfather
d1 ssn: half-brother | half-brother
d1 n1: step-grandfather | step-grandson
d1 n1d: step-aunt | step-nephew
h11 st1: half-brother | half-sister
c11 n1e: step-nephew | step-uncle

ego ad: adopted daughter | adoptive father
se ad: adopted daughter | adoptive mother
ego ads: adopted grandson | adoptive grandfather
d1 ad: adoptive sister | adoptive brother
d1 ads: adoptive nephew | adoptive uncle
f1 ad: adopted granddaughter | adoptive grandfather
f2 ad: adopted great-granddaughter | adoptive great-grandfather
c11 ad: adoptive niece | adoptive uncle
c12 ad: adoptive first cousin | adoptive first cousin
c22 ad: adoptive first cousin once removed | adoptive first cousin once removed
c23 ads: adoptive second cousin once removed | adoptive second cousin once removed
ego fo: foster son | foster father
d1 fo: foster brother | foster brother
f1 fo: foster grandson | foster grandfather
ego gu: guardian | ward
gu d1: grandson by guardianship | grandfather by guardianship
"""
"""A B: what B is to A | what A is to B; without sides."""
