"""The player: a machine at work, step by step, in one HTML file that a double click opens.

>>> from tapehead.viz.player_page import record, write_player
>>> y, state, trace = machine(batch.inputs, lengths=batch.lengths, return_trace=True)  # doctest: +SKIP
>>> write_player(record(trace, "copy", batch=batch, outputs=y, task=task), "play.html")  # doctest: +SKIP
"""

from .answers import record_answer as record_answer
from .html import player_html as player_html
from .html import write_player as write_player
from .pack import pack as pack
from .perform import perform as perform
from .recording import Asked as Asked
from .recording import Edge as Edge
from .recording import Node as Node
from .recording import Picture as Picture
from .recording import Recording as Recording
from .recording import record as record

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
