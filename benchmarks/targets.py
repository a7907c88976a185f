"""What the native engine is meant to reach, beside what was measured."""

from collections.abc import Iterable, Mapping
from typing import Any

# (case, batch, contender, times the native engine is to be faster than it)
SPEEDUPS = (
    ("ntm-copy", 1, "reference", 20.0),
    ("dnc-copy", 1, "reference", 20.0),
    ("dnc-copy", 16, "reference", 8.0),
    ("dnc-copy", 1, "dnc", 40.0),
    ("dnc-copy", 16, "dnc", 12.0),
)
# (case, batch, share of the machine's own matrix-product rate)
SHARES = (("dnc-graph", 32, 0.5),)


def compare_with_targets(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each target whose case was measured."""
    measured = {(r["case"], r["batch"], r["contender"]): r for r in rows if "skipped" not in r}
    found = []
    for case, batch, contender, wanted in SPEEDUPS:
        times = measured.get((case, batch, contender), {}).get("times_native")
        if times is not None:
            what = f"native against {contender}"
            found.append(_target(case, batch, what, times >= wanted, f"≥ {wanted:g} ×", f"{times:.3g} ×"))
    for case, batch, share in SHARES:
        reached = measured.get((case, batch, "native"), {}).get("share_of_matmul")
        if reached is not None:
            what = "share of the matrix-product rate"
            found.append(_target(case, batch, what, reached >= share, f"≥ {share:.0%}", f"{reached:.1%}"))
    return found


def _target(case: str, batch: int, what: str, met: bool, wanted: str, measured: str) -> dict[str, Any]:
    return {
        "case": case,
        "batch": batch,
        "what": what,
        "wanted": wanted,
        "measured": measured,
        "met": "yes" if met else "no",
    }
