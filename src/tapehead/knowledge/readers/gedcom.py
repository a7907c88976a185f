"""GEDCOM files: 5.5 and its dialects, 7.0."""

import dataclasses
import re

from ...tasks.kinship.tree import Sex
from ..graph import Entity, KnowledgeGraph
from .family_tree import Couple, build, counted
from .files import ReadError, clean, utf16
from .gedcom_lines import Findings, Record, records
from .gedcom_people import date_of, person_of
from .gedcom_ties import NOTHING_SAID, Tie, adoption_of, joined, resolve, tie_of

MAX_FILE_BYTES = 200 << 20
MAX_LISTED = 5
"""missing ids that a note names"""

_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?\s*0\s+HEAD\b")
_ENDED = re.compile(r"divor|annul|scheid", re.IGNORECASE)
_ROLE_OF_SEX = {"m": "HUSB", "f": "WIFE", "u": ""}
_SEX_OF_ROLE: dict[str, Sex] = {"HUSB": "m", "WIFE": "f"}


def is_gedcom(start: bytes) -> bool:
    """Whether a file that begins like this is GEDCOM."""
    text = utf16(start)
    return _HEADER.match(start if text is None else text.encode()) is not None


def read_gedcom(data: bytes, name: str) -> KnowledgeGraph:
    """The family tree of a GEDCOM file.

    Args:
        data: the file.
        name: of the file, for messages.

    Raises:
        ReadError: it is damaged; the message says where.
    """
    findings = Findings()
    file = _File()
    for record in records(data, name, findings):
        file.add(record)
    del data
    file.join()
    notes = [*findings.notes(), *file.notes()]
    missing = [identity for identity in file.missing if identity not in ("", "@VOID@")]
    if missing:
        listed = ", ".join(missing[:MAX_LISTED]) + (", …" if len(missing) > MAX_LISTED else "")
        what = f"{counted(len(missing), 'person or family', 'people or families')} that it names"
        what += f" {'is' if len(missing) == 1 else 'are'} missing ({clean(listed)})"
        if not findings.complete:
            raise ReadError(
                f"{name} seems to be cut off: it has no end mark (0 TRLR), and {what}; export it again"
            )
        notes.append(f"{what}: left out")
    elif not findings.complete:
        notes.append("the file has no end mark (0 TRLR): it may be cut off")
    if not file.people:
        cut = "" if findings.complete else ", and no end mark (0 TRLR): it seems to be cut off"
        raise ReadError(f"{name} is GEDCOM, but there are no people in it{cut}")
    return build(name, file.people, list(file.couples.values()), notes)


@dataclasses.dataclass
class _File:
    """What the records of a file say, each on its own until :meth:`join`."""

    people: dict[str, Entity] = dataclasses.field(default_factory=dict)
    couples: dict[str, Couple] = dataclasses.field(default_factory=dict)
    missing: dict[str, None] = dataclasses.field(default_factory=dict)
    """ids that are named, but not there"""
    of_child: dict[str, dict[str, list[Tie]]] = dataclasses.field(default_factory=dict)
    """child → family → what the child's record says of it"""
    of_family: dict[str, dict[str, Tie]] = dataclasses.field(default_factory=dict)
    """family → child → what the family's record says of it"""
    claims: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    """(partner, family), as the partner's record has it"""
    sexless: set[str] = dataclasses.field(default_factory=set)
    """people of whom their own record tells no sex"""
    dateless: list[str] = dataclasses.field(default_factory=list)
    doubles: list[str] = dataclasses.field(default_factory=list)
    """ids of second records"""
    adopted_by_unknown: int = 0
    refuted: int = 0
    one_sided: int = 0
    guessed_families: int = 0
    guessed_sexes: int = 0
    clashing_sexes: int = 0

    def add(self, record: Record) -> None:
        """Take in a record."""
        if record.id in self.people or record.id in self.couples or not record.id:
            self.doubles.append(record.id or "(none)")
        elif record.tag == "INDI":
            self._add_person(record)
        else:
            self._add_family(record)

    def _add_person(self, record: Record) -> None:
        person = self.people[record.id] = person_of(record, self.dateless)
        said = [line.value.upper() for line in record.lines if line.tag == "SEX" and line.value]
        if not said or said[-1] in ("U", "N", "?", "UNKNOWN"):
            self.sexless.add(record.id)
        own: dict[str, list[Tie]] = {}
        adoptions = []
        for line in record.lines:
            if line.tag == "FAMC":
                own.setdefault(line.value, []).append(tie_of(line))
            elif line.tag == "FAMS":
                person.families += (line.value,)
                self.claims.append((record.id, line.value))
            elif line.tag == "ADOP":
                adoptions.append(adoption_of(line))
            elif line.tag == "BIRT" and (family := line.first("FAMC")):
                adoptions.append((family, Tie(both="birth")))
        for found in adoptions:
            if found is not None:
                own.setdefault(found[0], []).append(found[1])
            elif all(tie == NOTHING_SAID for ties in own.values() for tie in ties):
                self.adopted_by_unknown += 1
        if own:
            self.of_child[record.id] = own

    def _add_family(self, record: Record) -> None:
        couple = self.couples[record.id] = Couple(record.id)
        told = self.of_family[record.id] = {}
        for line in record.lines:
            if line.tag == "CHIL":
                told[line.value] = tie_of(line)
            elif line.tag in ("HUSB", "WIFE"):
                if line.value not in couple.roles:
                    couple.partners.append(line.value)
                    couple.roles[line.value] = line.tag
            elif line.tag == "MARR":
                couple.married_on = couple.married_on or date_of(line, self.dateless)[1].day
            elif line.tag in ("DIV", "ANUL"):
                couple.divorced = couple.divorced or line.value.upper() not in ("N", "NO")
            elif line.tag == "EVEN" and _ENDED.search(f"{line.value} {line.first('TYPE')}"):
                couple.divorced = True

    def join(self) -> None:
        """Bring together what the records say of each other.

        Either side is believed where it alone tells of a tie.
        """
        for family, couple in self.couples.items():
            told = self.of_family[family]
            named = [*couple.partners, *told]
            self.missing.update((identity, None) for identity in named if identity not in self.people)
            couple.partners = [partner for partner in couple.partners if partner in self.people]
            couple.children = {child: "birth" for child in told if child in self.people}
        for partner, family in self.claims:
            if family not in self.couples:
                self.missing[family] = None
            elif len(self.couples[family].partners) < 2:
                self._believe(partner, self.couples[family])
        self._join_children()
        self._tell_sexes()

    def _believe(self, partner: str, couple: Couple) -> None:
        """Make somebody a partner who is one by their own record only."""
        if partner not in couple.partners:
            role = _ROLE_OF_SEX[self.people[partner].sex]
            if not role and couple.partners:
                role = {"HUSB": "WIFE", "WIFE": "HUSB"}.get(couple.roles[couple.partners[0]], "")
            couple.partners.append(partner)
            couple.roles[partner] = role

    def _join_children(self) -> None:
        own = {(child, family) for child, families in self.of_child.items() for family in families}
        told = {(child, family) for family, children in self.of_family.items() for child in children}
        # A few ties that only one side tells are more likely mistakes than the way of the file.
        one_sided = sum(child in self.people and family in self.couples for child, family in own ^ told)
        self.one_sided = one_sided if one_sided < len(own & told) else 0
        families_of: dict[str, dict[str, list[Tie]]] = {}
        for child, families in self.of_child.items():
            families_of[child] = {family: ties for family, ties in families.items() if family in self.couples}
            self.missing.update((family, None) for family in families if family not in self.couples)
        for family, children in self.of_family.items():
            for child, tie in children.items():
                if child in self.people:
                    families_of.setdefault(child, {}).setdefault(family, []).append(tie)
        for child, families in families_of.items():
            known = [(self.couples[family], joined(ties)) for family, ties in families.items()]
            self.guessed_families += resolve(child, [one for one in known if not one[1].refuted])
            for couple, tie in known:
                if tie.refuted:
                    self.refuted += 1
                    couple.children.pop(child, None)

    def _tell_sexes(self) -> None:
        """Whoever stands in the husband's place is a man, where nothing else is said."""
        roles: dict[str, set[str]] = {}
        for couple in self.couples.values():
            # Where a woman is called the husband, the places say nothing of anybody's sex.
            if any(
                self.people[partner].sex not in ("u", _SEX_OF_ROLE.get(couple.roles[partner], "u"))
                for partner in couple.partners
            ):
                continue
            for partner in couple.partners:
                if partner in self.sexless and couple.roles[partner]:
                    roles.setdefault(partner, set()).add(couple.roles[partner])
        for partner, found in roles.items():
            if len(found) == 1:
                self.people[partner].sex = _SEX_OF_ROLE[found.pop()]
                self.guessed_sexes += 1
            else:
                self.clashing_sexes += 1

    def notes(self) -> list[str]:
        """Sentences: what was left out or guessed."""
        found = (
            (
                self.doubles,
                f"{counted(len(self.doubles), 'second record has', 'second records have')} an id that is"
                f" taken ({clean(', '.join(self.doubles[:MAX_LISTED]))}): left out",
            ),
            (
                self.dateless,
                f"{counted(len(self.dateless), 'date is', 'dates are')} not understood, for example"
                f" {clean(self.dateless[0])[:40] if self.dateless else ''!r}: left out",
            ),
            (
                self.one_sided,
                f"{self.one_sided} times only one of a child and its family names the other: believed",
            ),
            (
                self.guessed_families,
                f"of {counted(self.guessed_families, 'child', 'children')} of several families the file"
                " does not say which is that of birth: the first counts",
            ),
            (
                self.refuted,
                f"{counted(self.refuted, 'tie of parent and child is', 'ties of parent and child are')}"
                " disproved, as the file says: left out",
            ),
            (
                self.adopted_by_unknown,
                f"of {counted(self.adopted_by_unknown, 'adoption', 'adoptions')} the file does not say by"
                " whom: left out",
            ),
            (
                self.guessed_sexes,
                f"the sex of {counted(self.guessed_sexes, 'person', 'people')} is told by their place in a"
                " family (husband or wife)",
            ),
            (
                self.clashing_sexes,
                f"{counted(self.clashing_sexes, 'person is', 'people are')} a husband in one family and a"
                " wife in another: of unknown sex",
            ),
        )
        return [note for happened, note in found if happened]
