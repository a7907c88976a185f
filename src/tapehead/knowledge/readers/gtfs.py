"""Timetables of public transport (GTFS, a zip of tables): which line leads from which station to which."""

import csv
import io
import itertools
import lzma
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from io import BufferedIOBase

from ..graph import Entity, Fact, KnowledgeGraph
from .files import MEGABYTE, SNIFFED, ReadError, clean, utf16

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


class _OutOfOrder(Exception):
    """A trip's rows do not stand together."""


def read_gtfs(file: BufferedIOBase, name: str) -> KnowledgeGraph:
    """The map of a GTFS feed: an edge for all stations that a trip of a line serves one after the other.

    Stops are merged into their parent station; those without one, into the stop of the same name nearby.

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
    facts = [Fact(start, routes.get(route, route), end) for start, route, end in edges]
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
    return KnowledgeGraph(name, places, facts, notes)


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
) -> Iterator[tuple[str, int, str]]:
    """Trip, place in the trip, stop."""
    rows = _table(feed, members["stop_times"], name, left_out)
    for trip, sequence, stop in _columns(rows, TIMES, left_out, "trip_id", "stop_sequence", "stop_id"):
        # Thousands of digits are no place in a trip either.
        if sequence.isascii() and sequence.isdigit() and len(sequence) < 20 and stop:
            yield trip, int(sequence), stop
        else:
            left_out[TIMES] += 1


def _sorted(times: Iterator[tuple[str, int, str]], name: str) -> Iterator[tuple[str, int, str]]:
    """With all rows of a trip together."""
    trips: dict[str, list[tuple[str, int, str]]] = {}
    for count, row in enumerate(times):
        if count == MAX_ROWS_UNSORTED:
            raise ReadError(f"{name}: stop_times.txt is too large for its disorder: sort it by trip_id")
        trips.setdefault(row[0], []).append(row)
    for rows in trips.values():
        yield from rows


def _edges(
    times: Iterator[tuple[str, int, str]],
    trips: dict[str, str],
    of_stop: dict[str, str],
    left_out: Counter[str],
) -> list[tuple[str, str, str]]:
    """Distinct edges (station, route, station), in the order in which they turn up."""
    edges: dict[tuple[str, str, str], None] = {}
    done: set[str] = set()
    seen: set[tuple[str, tuple[str, ...]]] = set()  # most trips go the way of an earlier one

    def close(trip: str, calls: list[tuple[int, str]]) -> None:
        if trip in done:
            raise _OutOfOrder
        done.add(trip)
        if trip not in trips:
            left_out[TIMES] += len(calls)
            return
        calls.sort(key=lambda call: call[0])
        way = trips[trip], tuple(stop for _, stop in calls)
        if way in seen:
            return
        seen.add(way)
        # A stop that stops.txt lacks is a station all the same: its neighbours are none of each other's.
        stations = [of_stop.get(stop, stop) for stop in way[1]]
        for start, end in itertools.pairwise(stations):
            if start != end:
                edges[start, way[0], end] = None

    current: str | None = None
    calls: list[tuple[int, str]] = []
    for trip, sequence, stop in times:
        if trip != current:
            if current is not None:
                close(current, calls)
            current, calls = trip, []
        calls.append((sequence, stop))
    if current is not None:
        close(current, calls)
    return list(edges)
