"""The player: one HTML file that shows a sequence step by step in any browser, without a network.

>>> from tapehead.viz.player_page import record, write_player
>>> y, state, trace = machine(batch.inputs, lengths=batch.lengths, return_trace=True)  # doctest: +SKIP
>>> write_player(record(trace, "copy", batch=batch, outputs=y, task=task), "play.html")  # doctest: +SKIP
"""

from .episode import describe_model as describe_model
from .episode import has_bit_outputs as has_bit_outputs
from .episode import record_episode as record_episode
from .html import player_html as player_html
from .html import write_player as write_player
from .pack import pack as pack
from .question import record_answer as record_answer
from .recording import Picture as Picture
from .recording import PictureEdge as PictureEdge
from .recording import PictureNode as PictureNode
from .recording import QuestionRecord as QuestionRecord
from .recording import Recording as Recording
from .recording import record as record
from .search import SearchRecording as SearchRecording
from .search import record_search as record_search

__all__ = [
    "Picture",
    "PictureEdge",
    "PictureNode",
    "QuestionRecord",
    "Recording",
    "SearchRecording",
    "describe_model",
    "has_bit_outputs",
    "pack",
    "player_html",
    "record",
    "record_answer",
    "record_episode",
    "record_search",
    "write_player",
]
