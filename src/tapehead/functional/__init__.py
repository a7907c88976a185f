"""The equations of both papers, one function each: no parameters, no state, no loop over time.

Shapes: B batch, N slots, W word, H heads, R read heads, S shifts. NTM is Graves, Wayne and Danihelka,
"Neural Turing Machines" (2014, arXiv:1410.5401); DNC is Graves et al., "Hybrid computing using a neural
network with dynamic external memory" (Nature 538, 2016), whose equations stand in its Methods unnumbered
and are cited here by the name of their section. SAM and SDNC are Rae et al., "Scaling memory-augmented neural
networks with sparse reads and writes" (2016, arXiv:1610.09027).
"""

from ._addressing import content_weights as content_weights
from ._addressing import interpolate as interpolate
from ._addressing import sharpen as sharpen
from ._addressing import shift as shift
from ._allocation import allocation_order as allocation_order
from ._allocation import allocation_weights as allocation_weights
from ._allocation import mix_write_weights as mix_write_weights
from ._allocation import retention as retention
from ._allocation import update_usage as update_usage
from ._hashing import EXACT_ROWS as EXACT_ROWS
from ._hashing import PROBES as PROBES
from ._hashing import TABLES as TABLES
from ._hashing import hash_bits as hash_bits
from ._hashing import hashed_candidates as hashed_candidates
from ._linkage import directional_weights as directional_weights
from ._linkage import mix_read_weights as mix_read_weights
from ._linkage import sharpen_links as sharpen_links
from ._linkage import update_link as update_link
from ._linkage import update_precedence as update_precedence
from ._memory import erase_and_add as erase_and_add
from ._memory import oneplus as oneplus
from ._memory import read as read
from ._sparse import keep_largest as keep_largest
from ._sparse import least_recently_used as least_recently_used
from ._sparse import mark_written as mark_written
from ._sparse import sparse_content_weights as sparse_content_weights
from ._sparse import sparse_write as sparse_write
from ._sparse import sparse_write_weights as sparse_write_weights
from ._sparse import update_access_times as update_access_times
from ._sparse_links import MAX_LINKS as MAX_LINKS
from ._sparse_links import follow_links as follow_links
from ._sparse_links import update_links_after as update_links_after
from ._sparse_links import update_links_before as update_links_before
from ._sparse_links import update_sparse_precedence as update_sparse_precedence

__all__ = [
    "EXACT_ROWS",
    "MAX_LINKS",
    "PROBES",
    "TABLES",
    "allocation_order",
    "allocation_weights",
    "content_weights",
    "directional_weights",
    "erase_and_add",
    "follow_links",
    "hash_bits",
    "hashed_candidates",
    "interpolate",
    "keep_largest",
    "least_recently_used",
    "mark_written",
    "mix_read_weights",
    "mix_write_weights",
    "oneplus",
    "read",
    "retention",
    "sharpen",
    "sharpen_links",
    "shift",
    "sparse_content_weights",
    "sparse_write",
    "sparse_write_weights",
    "update_access_times",
    "update_link",
    "update_links_after",
    "update_links_before",
    "update_precedence",
    "update_sparse_precedence",
    "update_usage",
]
