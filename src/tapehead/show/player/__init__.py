"""The player: a machine at work, step by step, in one HTML file that a double click opens.

>>> from tapehead.show.player import record, write_player
>>> y, state, trace = machine(batch.inputs, lengths=batch.lengths, return_trace=True)  # doctest: +SKIP
>>> write_player(record(trace, "copy", batch=batch, outputs=y, task=task), "play.html")  # doctest: +SKIP
"""

from ._answers import record_answer as record_answer
from ._html import player_html as player_html
from ._html import write_player as write_player
from ._pack import pack as pack
from ._perform import perform as perform
from ._recording import Asked as Asked
from ._recording import Edge as Edge
from ._recording import Node as Node
from ._recording import Picture as Picture
from ._recording import Recording as Recording
from ._recording import record as record

__all__ = [
    "Asked",
    "Edge",
    "Node",
    "Picture",
    "Recording",
    "pack",
    "perform",
    "player_html",
    "record",
    "record_answer",
    "write_player",
]
