"""Timetables of public transport (GTFS, a zip of tables): which line leads from which station to which."""

import csv
import io
import itertools
import lzma
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from io import BufferedIOBase
from typing import NamedTuple

from ..graph import Entity, Fact, KnowledgeGraph
from .files import MEGABYTE, SNIFFED, ReadError, clean, utf16
from .gtfs_times import MEASURE, Gaps, count_gaps, median_minutes, seconds_of

MAX_FILE_BYTES = 500 << 20
MAX_TABLE_BYTES = 2 << 30
"""bytes of a table, unpacked"""
MAX_TABLE_UTF16 = 64 << 20
"""bytes of a table in UTF-16, which is not streamed"""
MAX_STOPS = 200_000
MAX_ROWS_UNSORTED = 5_000_000
MAX_LINE = 1 << 16
RATIO = 100
"""How much smaller than its content a table may be packed; timetables come to about 10."""
SAME_PLACE = 0.01
"""Degrees, about a kilometre: stops of one name and no parent station this near are one station."""

TRIP = ("trip_id", "route_id")
TIMES = "stop_times.txt"
TABLES = ("stops", "routes", "trips", "stop_times")

UNPACKING = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,  # a password, and (NotImplementedError) a way of packing that Python lacks
    ValueError,
    OverflowError,
)
"""What a damaged zip makes Python raise."""

Row = list[str]
Edge = tuple[str, str, str]
"""Station, route, station."""


class Call(NamedTuple):
    """A trip's stop."""

    trip: str
    sequence: int
    """its place in the trip"""
    stop: str
    arrival: int | None
    departure: int | None
    """seconds from the start of the day of service; None where the timetable does not say"""


class _OutOfOrder(Exception):
    """A trip's rows do not stand together."""


def read_gtfs(file: BufferedIOBase, name: str) -> KnowledgeGraph:
    """The map of a GTFS feed: an edge for all stations that a trip of a line serves one after the other.

    The weight of an edge is the median of the minutes that the line's trips take for it. Stops are merged
    into their parent station; those without one, into the stop of the same name nearby.

    Args:
        file: the zip.
        name: of the file, for messages.

    Raises:
        ReadError: it is damaged, no GTFS, or far larger inside than a timetable can be.
    """
    if file.seek(0, io.SEEK_END) > MAX_FILE_BYTES:
        raise ReadError(f"{name} is larger than {MAX_FILE_BYTES // MEGABYTE} MB, the most that is read")
    left_out: Counter[str] = Counter()  # table -> rows
    try:
        with zipfile.ZipFile(file) as feed:
            members = _members(feed, name)
            stations, of_stop = _stations(_table(feed, members["stops"], name, left_out), left_out)
            routes = _routes(_table(feed, members["routes"], name, left_out), left_out)
            rows = _table(feed, members["trips"], name, left_out)
            trips = {row[0]: row[1] for row in _columns(rows, "trips.txt", left_out, *TRIP)}
            counted = left_out.copy()
            try:
                edges = _edges(_times(feed, members, name, left_out), trips, of_stop, left_out)
            except _OutOfOrder:
                left_out = counted
                times = _sorted(_times(feed, members, name, left_out), name)
                edges = _edges(times, trips, of_stop, left_out)
    except ReadError:
        raise
    except UNPACKING as error:
        raise ReadError(f"{name} is a damaged zip: {clean(str(error))[:200]}") from None
    facts: dict[Fact, None] = {}
    weights: dict[Fact, Fraction] = {}
    for (start, route, end), minutes in edges.items():
        fact = Fact(start, routes.get(route, route), end)
        facts[fact] = None
        if minutes is not None:
            weights[fact] = min(minutes, weights.get(fact, minutes))
    notes = [
        f"{count:,} {'row' if count == 1 else 'rows'} of {table} {'is' if count == 1 else 'are'} cut off or"
        " bad: left out"
        for table, count in left_out.items()
    ]
    if not facts:
        raise ReadError("; ".join([f"{name} has no trip with two stations", *notes]))
    served = {station for fact in facts for station in (fact.subject, fact.object)}
    unnamed = served - stations.keys()
    if unnamed:
        notes.append(f"{len(unnamed)} stops are missing in stops.txt: called by their ids")
    named = {**stations, **{stop: clean(stop)[:200] for stop in sorted(unnamed)}}
    places = {one: Entity(one, called, "place") for one, called in named.items() if one in served}
    measure = MEASURE if weights else ""
    return KnowledgeGraph(name, places, list(facts), notes, weights=weights, measure=measure)


def is_gtfs(names: list[str]) -> bool:
    """Whether a zip with these members is a GTFS feed."""
    return {f"{table}.txt" for table in TABLES} <= {name.rpartition("/")[2] for name in names}


def _members(feed: zipfile.ZipFile, name: str) -> dict[str, zipfile.ZipInfo]:
    found = {info.filename.rpartition("/")[2]: info for info in feed.infolist()}
    missing = [f"{table}.txt" for table in TABLES if f"{table}.txt" not in found]
    if missing:
        raise ReadError(f"{name} is no GTFS feed: {', '.join(missing)} is missing in it")
    members = {table: found[f"{table}.txt"] for table in TABLES}
    for table, info in members.items():
        if info.file_size > 10 * MEGABYTE and info.file_size > RATIO * info.compress_size:
            raise ReadError(f"{name} is a zip bomb: {table}.txt unpacks to {info.file_size // MEGABYTE} MB")
    return members


def _table(feed: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, left_out: Counter[str]) -> Iterator[Row]:
    """The rows of a table, streamed; a row that is none is counted."""

    def lines() -> Iterator[str]:
        size = 0
        with feed.open(info) as packed:
            start = packed.read(SNIFFED)
            packed.seek(0)
            if utf16(start) is not None:
                if info.file_size > MAX_TABLE_UTF16:
                    raise ReadError(f"{name}: {info.filename} is too large for UTF-16: store it as UTF-8")
                yield from (utf16(packed.read(MAX_TABLE_UTF16)) or "").lstrip("\ufeff").splitlines(True)
                return
            while line := packed.readline(MAX_LINE):
                size += len(line)
                if size > MAX_TABLE_BYTES:
                    raise ReadError(f"{name}: {info.filename} is larger than {MAX_TABLE_BYTES >> 30} GB")
                if len(line) >= MAX_LINE:
                    raise ReadError(f"{name}: {info.filename} has a line of over {MAX_LINE:,} bytes")
                try:
                    yield line.decode("utf-8-sig" if size == len(line) else "utf-8")
                except UnicodeDecodeError:
                    yield line.decode("cp1252", errors="replace")

    rows = csv.reader(lines(), strict=True)
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error:
            left_out[_base(info)] += 1


def _base(info: zipfile.ZipInfo) -> str:
    return info.filename.rpartition("/")[2]


def _columns(
    rows: Iterator[Row], table: str, left_out: Counter[str], *wanted: str, optional: int = 0
) -> Iterator[Row]:
    """Some columns of a table with headings; the last ``optional`` may be missing and are "" then.

    A row that is too short for the others is counted.
    """
    headings = [heading.strip().lower() for heading in next(rows, [])]
    for column in wanted[: len(wanted) - optional]:
        if column not in headings:
            raise ReadError(f"{table} of the GTFS feed has no column {column}")
    places = [headings.index(column) if column in headings else len(headings) for column in wanted]
    needed = max(places[: len(wanted) - optional])
    for row in rows:
        if len(row) > needed:
            yield [row[place].strip() if place < len(row) else "" for place in places]
        elif any(row):
            left_out[table] += 1


def _stations(rows: Iterator[Row], left_out: Counter[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Names of the stations by id, and the station of every stop."""
    names: dict[str, str] = {}
    parents: dict[str, str] = {}
    near: dict[str, list[tuple[float, float, str]]] = {}  # name -> where stations of that name are
    columns = ("stop_id", "stop_name", "parent_station", "stop_lat", "stop_lon", "location_type")
    for stop, name, parent, lat, lon, kind in _columns(rows, "stops.txt", left_out, *columns, optional=5):
        if len(names) >= MAX_STOPS:
            raise ReadError(f"the GTFS feed has more than {MAX_STOPS:,} stops, the most that is read")
        names[stop] = clean(name)[:200] or stop
        if parent:
            parents[stop] = parent
        elif kind in ("", "0"):
            try:
                place = float(lat), float(lon)
            except ValueError:
                continue
            for north, east, station in near.setdefault(names[stop].casefold(), []):
                if abs(north - place[0]) < SAME_PLACE and abs(east - place[1]) < SAME_PLACE:
                    parents[stop] = station
                    break
            else:
                near[names[stop].casefold()].append((*place, stop))
    of_stop = {stop: parents[stop] if parents.get(stop) in names else stop for stop in names}
    # A platform's boarding area has the platform for a parent, and that the station.
    of_stop = {stop: of_stop[station] for stop, station in of_stop.items()}
    return {station: names[station] for station in of_stop.values()}, of_stop


def _routes(rows: Iterator[Row], left_out: Counter[str]) -> dict[str, str]:
    columns = ("route_id", "route_short_name", "route_long_name")
    return {
        route: clean(short or long)[:100] or route
        for route, short, long in _columns(rows, "routes.txt", left_out, *columns, optional=2)
    }


def _times(
    feed: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str, left_out: Counter[str]
) -> Iterator[Call]:
    rows = _table(feed, members["stop_times"], name, left_out)
    columns = ("trip_id", "stop_sequence", "stop_id", "arrival_time", "departure_time")
    for trip, sequence, stop, arrival, departure in _columns(rows, TIMES, left_out, *columns, optional=2):
        # Thousands of digits are no place in a trip either.
        if sequence.isascii() and sequence.isdigit() and len(sequence) < 20 and stop:
            yield Call(trip, int(sequence), stop, seconds_of(arrival), seconds_of(departure))
        else:
            left_out[TIMES] += 1


def _sorted(times: Iterator[Call], name: str) -> Iterator[Call]:
    """With all rows of a trip together."""
    trips: dict[str, list[Call]] = {}
    for count, call in enumerate(times):
        if count == MAX_ROWS_UNSORTED:
            raise ReadError(f"{name}: stop_times.txt is too large for its disorder: sort it by trip_id")
        trips.setdefault(call.trip, []).append(call)
    for calls in trips.values():
        yield from calls


def _edges(
    times: Iterator[Call],
    trips: dict[str, str],
    of_stop: dict[str, str],
    left_out: Counter[str],
) -> dict[Edge, Fraction | None]:
    """Distinct edges (station, route, station), in the order in which they turn up, and their minutes."""
    done: set[str] = set()
    ways: dict[tuple[str, tuple[str, ...]], Gaps] = {}  # most trips go the way of an earlier one

    for trip, group in itertools.groupby(times, key=lambda call: call.trip):
        if trip in done:
            raise _OutOfOrder
        done.add(trip)
        calls = sorted(group, key=lambda call: call.sequence)
        if trip not in trips:
            left_out[TIMES] += len(calls)
            continue
        way = trips[trip], tuple(call.stop for call in calls)
        if way not in ways:
            ways[way] = [Counter() for _ in calls[1:]]
        count_gaps(ways[way], [(call.arrival, call.departure) for call in calls])
    counted: dict[Edge, Counter[int]] = {}
    for (route, stops), gaps in ways.items():
        # A stop that stops.txt lacks is a station all the same: its neighbours are none of each other's.
        stations = [of_stop.get(stop, stop) for stop in stops]
        for (start, end), gap in zip(itertools.pairwise(stations), gaps):
            if start != end:
                counted.setdefault((start, route, end), Counter()).update(gap)
    return {edge: median_minutes(gap) if gap else None for edge, gap in counted.items()}
