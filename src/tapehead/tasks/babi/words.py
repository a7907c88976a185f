"""The 159 symbols of the DNC paper: 156 words, the full stop, the question mark, and the answer slot."""

import re
from collections.abc import Iterable

from ...errors import InputError

SLOT = "-"
"""In place of each word of an answer, after the question mark (DNC Methods, "bAbI")."""

# Every word of the 20 English tasks and of their answers, lower case; n, e, s and w are answers of task 19.
_WORDS = """
a above afraid after afternoon afterwards and antoine apple are back bathroom bedroom before below bernhard
bigger bill blue bored box brian carrying cat cats chest chocolate chocolates cinema color container daniel
did discarded do does down dropped e east either emily evening fit fits following football fred frog from
garden gave gertrude get give go got grabbed gray green greg hallway handed he how hungry in inside is jason
jeff jessica john journeyed julie julius kitchen left lily lion longer many mary maybe mice milk morning mouse
moved n no none north not nothing objects of office one or pajamas park passed picked pink put received
rectangle red rhino right s sandra school she sheep south sphere square suitcase sumit swan than that the then
there they thirsty this three tired to took travelled triangle two up w was went west what where white who why
will winona wolf wolves yann yellow yes yesterday you
"""
SYMBOLS: tuple[str, ...] = (*_WORDS.split(), ".", "?", SLOT)
"""All symbols; a symbol's number is its place here, and its channel in the inputs and outputs."""
NUMBERS = {symbol: number for number, symbol in enumerate(SYMBOLS)}

# A word with an apostrophe stays one: the s of "John's" is not the s of south.
_SYMBOL = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|[.?]")


class UnknownWordError(InputError):
    """A word that is none of the 156; ``word`` is it, in lower case."""

    def __init__(self, word: str) -> None:
        super().__init__(
            f"the word {word[:40]!r} is none of the {len(_WORDS.split())} that bAbI's stories are told in: "
            "use another"
        )
        self.word = word


def split(text: str) -> list[str]:
    """The symbols of a text as the paper takes them: lower case, numbers removed, '.' and '?' apart."""
    return _SYMBOL.findall(text.lower())


def numbers_in(text: str) -> tuple[int, ...]:
    """The symbols of a text as numbers.

    Raises:
        UnknownWordError: a word that is none of the 156.
    """
    return tuple(map(number_of, split(text)))


def number_of(symbol: str) -> int:
    """A symbol's number.

    Raises:
        UnknownWordError: there is no such symbol.
    """
    if symbol not in NUMBERS:
        raise UnknownWordError(symbol)
    return NUMBERS[symbol]


def as_text(symbols: Iterable[int]) -> str:
    """Symbols as a line: "where is mary ? -" → "where is mary? -"."""
    text = " ".join(SYMBOLS[number] for number in symbols)
    return text.replace(" .", ".").replace(" ?", "?")
