"""Reads the standard folder: the 20 tasks, each a file to train on and a file to test on."""

import functools
import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from .reader import Story, StoryError, read_file

SOURCE = "tasks_1-20_v1-2.tar.gz (Weston et al. 2015, CC BY 3.0)"
PARTS = "qa3-parts"
"""A folder beside the standard one with the part of task 3's training file that is there, where it is not."""
PARTLY_THERE = 3
PUBLISHED = 2_000
"""Stories in the training file of task 3."""

FILES: dict[str, tuple[str, str]] = {
    # Git blob ids of the published English files for 10,000 questions: to train on, and to test on.
    "qa1_single-supporting-fact": (
        "6bfc85482947215cd31b84ebd0c1ab766145186c",
        "8f9586848f7b0afdccb25328feeb04d561c31756",
    ),
    "qa2_two-supporting-facts": (
        "2aa5ecf822285157d9f7b4de5111c07bd2282f34",
        "6deccd0cf07947ff525839a7b4643c6e0afe1b92",
    ),
    "qa3_three-supporting-facts": (
        "9b2b35ca4357ea8ee44692c71ec71892edf51399",
        "b7c8e4483963c55a6170a524ce4ae67a33f355f2",
    ),
    "qa4_two-arg-relations": (
        "02fb57b654192ee726baa908f168eecbf08998c8",
        "800d7ea7cd1e432c8a617ff40a329e144f6b2893",
    ),
    "qa5_three-arg-relations": (
        "424ec34bdc7bb4a8679f989abe73fa0ce8aa58dc",
        "ed9758be5dff62875321aa2ac2f5a35ae785b620",
    ),
    "qa6_yes-no-questions": (
        "57deb7ad6efaac9f3c08d89d732e5af5682b41fb",
        "da25e9fd5bb7d69c7150b208051b1413fd91ff2b",
    ),
    "qa7_counting": (
        "c2112050f918229878d3eb15c4f3e9262ecdcd18",
        "970737f3bff6896c73e0e9cdf4050bd9fb38dcf8",
    ),
    "qa8_lists-sets": (
        "ed8d5856164d2fd23245c79acfb137c36e96fea8",
        "322949b2623507662161955156eb52d304c2a8e4",
    ),
    "qa9_simple-negation": (
        "8449206274de8befc56617356a960a3ed481bab5",
        "a78006357cd34214a78ec1268b066eae920ff437",
    ),
    "qa10_indefinite-knowledge": (
        "b278e8534a1b44af49e23b5a8000878598fa8ec4",
        "f6a84c1e52223c6edca549f6ee0ea168320d2f03",
    ),
    "qa11_basic-coreference": (
        "ff530d4de05dc753a0fe9d9638aa761ed855b81e",
        "c9feb150855483c587c5a825211fc306d4cfebe3",
    ),
    "qa12_conjunction": (
        "eed62eb333e67c508928a47ec29f6372e93e0bfb",
        "f1d9b7fb0e2d39af3b91603395951c921a45ce3b",
    ),
    "qa13_compound-coreference": (
        "a0540e23a7762254fffe82aba7e8d9c7f37d5ffc",
        "f42e5b137c2cd1c40511f77081a3e654d85d6c49",
    ),
    "qa14_time-reasoning": (
        "35350c2fbfcc081218731cf3929f3e56c169360c",
        "c0c88cd92b690d6c533c3e532cb8a9e38ae8f1bf",
    ),
    "qa15_basic-deduction": (
        "452c1697ec6282c5af366322e1f5255d745aef73",
        "a22e0cd20d0fb602ed8392c30dc0aed65a18ba79",
    ),
    "qa16_basic-induction": (
        "558683aafde405dc1a26746a7230555305203e68",
        "5b1e89531673a0512cbf8f37716beef92c478b96",
    ),
    "qa17_positional-reasoning": (
        "a0f420d46b144cca626ed5c7abefe6c76e9b4a0d",
        "91c50c4b126f0f7653d60920895f98e4d50a78c6",
    ),
    "qa18_size-reasoning": (
        "8ca079cc3d5ec6d66951279c116e19a33c25d8c3",
        "41ecb574f0d4934603d97c12420f7f57d52ae816",
    ),
    "qa19_path-finding": (
        "c9ec29b500eaf11f977d24c38aa0504f09f00cbf",
        "fe316702f1bd930bf17257fac3513ec3ceac628c",
    ),
    "qa20_agents-motivations": (
        "7406f24b144a1e57006e7a7cf9420143cf7979b3",
        "1f4c6ea45f022158f5e0bd8ae0b7b78431c8d334",
    ),
}

NAMES = {int(name[2:].partition("_")[0]): name.partition("_")[2].replace("-", " ") for name in FILES}
"""The tasks by number, as they are published: 1 is "single supporting fact"."""


class Corpus(NamedTuple):
    """The stories of a folder by task."""

    train: dict[int, list[Story]]
    test: dict[int, list[Story]]
    stand_ins: bool
    """whether the training stories of task 3 are a part of them, to be relabelled when they are drawn"""
    notes: tuple[str, ...]
    """sentences: files that are missing, and files that are not the published ones"""


def read_corpus(folder: str | os.PathLike) -> Corpus:
    """The 20 tasks in a folder such as "tasks_1-20_v1-2/en-10k", or in the folder above it.

    Raises:
        StoryError: no such folder, none of the files in it, or a file that is not of the format.
        OSError: a file cannot be opened.
    """
    path = Path(folder)
    if not path.is_dir():
        raise StoryError(f"there is no folder {str(folder)!r}: give the folder en-10k of {SOURCE}")
    return _read(path.resolve())


@functools.lru_cache(maxsize=2)
def _read(folder: Path) -> Corpus:
    base = folder / "en-10k" if (folder / "en-10k").is_dir() else folder
    notes: list[str] = []
    found: dict[str, dict[int, list[Story]]] = {"train": {}, "test": {}}
    for number, (name, published) in zip(NAMES, FILES.items()):
        for part, blob in zip(found, published):
            path = base / f"{name}_{part}.txt"
            if path.is_file():
                found[part][number], data = read_file(path)
                if _blob(data) != blob:
                    notes.append(f"{path.name} is not the published file")
            else:
                notes.append(f"{path.name} is missing")
    stand_ins = _parts(base) if PARTLY_THERE not in found["train"] else []
    if stand_ins:
        found["train"][PARTLY_THERE] = stand_ins
        notes.append(
            f"task {PARTLY_THERE} is trained on {len(stand_ins):,} of its {PUBLISHED:,} stories, "
            "relabelled at random"
        )
    if not found["train"] and not found["test"]:
        raise StoryError(f"{folder} holds none of bAbI's files: give the folder en-10k of {SOURCE}")
    return Corpus(found["train"], found["test"], bool(stand_ins), tuple(notes))


def _parts(base: Path) -> list[Story]:
    """The different stories in the folder of parts, in the order of their files; none where there is none."""
    stories: dict[bytes, Story] = {}
    for path in sorted((base.parent / PARTS).glob("*.txt")):
        for story in read_file(path)[0]:
            stories.setdefault(story.words.tobytes() + story.answers.tobytes(), story)
    return list(stories.values())


def _blob(data: bytes) -> str:
    """What git calls a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
