"""The page's calls, what they refuse, and many at once."""

import asyncio
import base64
import itertools
import json
import os
import random
import re
import shutil
import socket
import statistics
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed")
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from tapehead import hub, knowledge
from tapehead.errors import InputError
from tapehead.web import create_app, guard, serve, workers
from tapehead.web.library import MAX_KEPT, Library
from tapehead.web.suggestions import suggest
from tapehead.web.workers import MAX_WORKERS
from tests.viz.test_player import unpack
from tests.web import live

EDGES = b"from,edge,to\nNorth,red,Middle\nMiddle,red,South\nMiddle,blue,East\n"
FUZZED = 200
AT_ONCE = 50


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    live.use_fakes(monkeypatch)
    with TestClient(create_app(), base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
        yield client


def drop(client: TestClient, content: bytes = EDGES, name: str = "lines.csv") -> Any:
    return client.post(
        "/api/data",
        params={"filename": name},
        content=content,
        headers={"content-type": "application/octet-stream"},
    )


def test_the_page_and_its_parts(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        part = client.get(address)
        assert part.status_code == 200, address
        # The name of SVG is not an address that is fetched.
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", part.text), address
    assert "http" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert client.get("/docs").status_code == 404


def test_models(client: TestClient) -> None:
    found = client.get("/api/models").json()
    names = [model["name"] for model in found["models"]]
    assert set(names) <= set(hub.names())
    assert names[0] == "ntm-copy"
    # Whatever the page proposes can be watched.
    for model in found["models"]:
        wish = {"model": model["name"]} | ({} if model["size"] is None else {"length": model["usual"]})
        answer = client.post("/api/trace", json=wish)
        assert answer.status_code == 200, (model, answer.json())
    assert [example["name"] for example in found["examples"]] == list(knowledge.EXAMPLES)


def test_watching_a_model(client: TestClient) -> None:
    first, again, other = (
        client.post("/api/trace", json={"model": "ntm-copy", "length": 4, "seed": seed}).json()
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first["recording"] != other["recording"]
    header, arrays = unpack(base64.b64decode(first["recording"]))
    assert header["steps"] == 11
    assert arrays["outputs"].shape == (11, 9)
    assert first["title"] == "Copy, length 4"


def test_asking_about_a_file_of_ones_own(client: TestClient) -> None:
    data = drop(client).json()
    assert (data["kind"], data["things"], data["facts"]) == ("map", 4, 3)
    answer = client.post(
        "/api/ask", json={"data": data["id"], "question": "shortest path from North to East"}
    )
    content = answer.json()
    assert content["answers"] == content["exact"] == ["Middle", "East"]
    assert content["correct"] is True
    header, _ = unpack(base64.b64decode(content["recording"]))
    assert header["question"]["text"] == "shortest path from North to East"
    family = drop(client, live.GEDCOM, "own.ged").json()
    assert (family["kind"], family["things"]) == ("family", 4)
    assert family["suggestions"][0] == "Who is Ada Stone's maternal grandfather?"
    for question in family["suggestions"]:
        assert client.post("/api/ask", json={"data": family["id"], "question": question}).status_code == 200


def test_asking_about_two_people(client: TestClient) -> None:
    family = drop(client, live.GEDCOM, "own.ged").json()
    body = {"data": family["id"], "question": "How is Ada related to Dan?"}
    content = client.post("/api/ask", json=body).json()
    header, _ = unpack(base64.b64decode(content["recording"]))
    assert header["search"]["places"][header["search"]["start"]] == "Ada Stone"
    assert header["question"]["answers"] == content["answers"] == ["Cora Wood", "Dan Wood"]
    assert content["correct"] is True
    assert content["lines"][1].startswith("network: Ada Stone —mother→ Cora Wood —father→ Dan Wood (")
    assert (content["relation"], content["exact"]) == ("granddaughter", ["granddaughter"])
    assert [step["name"] for step in content["path"]] == ["Ada Stone", "Cora Wood", "Dan Wood"]
    assert "path:    Ada Stone → mother Cora Wood → father Dan Wood" in content["lines"]
    answer = client.post("/api/ask", json={**body, "model": "ntm-copy"})
    assert answer.json()["error"] == "ntm-copy was trained on copy: this question needs a model of search"
    body["question"] = "Is Cora Wood the mother of Ada?"
    content = client.post("/api/ask", json=body).json()
    assert (content["recording"], content["exact"]) == (None, ["yes"])


@pytest.mark.parametrize("example", ["family", "london"])
def test_the_suggestions_can_be_answered(example: str, client: TestClient) -> None:
    data = client.post(f"/api/examples/{example}").json()
    assert data["suggestions"]
    for question in data["suggestions"]:
        answer = client.post("/api/ask", json={"data": example, "question": question}).json()
        assert answer["answers"], question


def test_a_graph_without_anything_to_suggest() -> None:
    person = knowledge.Entity("a", "A", "person")
    assert suggest(knowledge.KnowledgeGraph("g", {"a": person}, [])) == []
    place = knowledge.Entity("a", "A", "place")
    assert suggest(knowledge.KnowledgeGraph("g", {"a": place}, [])) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"model": "ntm-cpoy"}, "there is no model 'ntm-cpoy'"),
        ({"model": "/etc"}, "there is no model '/etc'"),
        ({"model": "ntm-copy", "length": 501}, "length: Input should be less than or equal to 500"),
        ({"model": "ntm-copy", "length": "4"}, "length: Input should be a valid integer"),
        ({"model": "ntm-associative-recall", "length": 1}, "items"),
        ({"model": "ntm-copy", "sede": 1}, "sede: Extra inputs are not permitted"),
    ],
)
def test_wishes_that_cannot_be_met(body: dict[str, Any], words: str, client: TestClient) -> None:
    answer = client.post("/api/trace", json=body)
    assert 400 <= answer.status_code < 500
    assert words in answer.json()["error"]


def test_no_folder_is_opened_for_a_request(client: TestClient, tmp_path: Path) -> None:
    """Whatever path is named, there or not, a model's folder or not: the answer is the same."""
    run = tmp_path / "run"
    shutil.copytree(hub.find("ntm-copy"), run)
    paths = ["/etc", "/nonexistent", str(tmp_path), str(run), ".", "..", "", "~", "\0", "ntm-search/",
             "./ntm-copy", str(hub.find("ntm-search")), "/proc/self/fd/0"]  # fmt: skip
    for path in paths:
        wishes = {
            "/api/trace": {"model": path},
            "/api/ask": {"data": "family", "question": "Who is Hans Bach's father?", "model": path},
        }
        for address, body in wishes.items():
            answer = client.post(address, json=body)
            assert answer.status_code == 400, (address, path)
            assert answer.json()["error"].startswith(f"there is no model {path!r}: the models are "), path


def test_a_model_for_other_questions_is_refused(client: TestClient) -> None:
    body = {"data": "family", "question": "Who is Hans Bach's father?", "model": "ntm-copy"}
    answer = client.post("/api/ask", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "ntm-copy was trained on copy: this question needs a model of kinship"


def test_weights_are_loaded_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    load = hub.load

    def counted(name: str) -> Any:
        loaded.append(str(name))
        return load(name)

    monkeypatch.setattr(hub, "load", counted)
    for model in (None, "dnc-traversal", None):
        for place in ("Bank", "Holborn"):
            body = {"data": "london", "question": f"from {place} take Central westbound", "model": model}
            assert client.post("/api/ask", json=body).status_code == 200
    assert loaded == ["dnc-traversal"]


def test_questions_that_cannot_be_answered(client: TestClient) -> None:
    def complaint(**body: Any) -> str:
        # Written in ASCII: a lone surrogate cannot be sent otherwise.
        answer = client.post(
            "/api/ask", content=json.dumps(body), headers={"content-type": "application/json"}
        )
        assert 400 <= answer.status_code < 500
        return str(answer.json()["error"])

    assert "no longer here" in complaint(data="gone", question="shortest path from A to B")
    assert "not understood" in complaint(data="london", question="what?")
    assert "unicode" in complaint(data="london", question="\ud800 what?")
    assert "question: String should have at least 1 character" in complaint(data="london", question="")


def test_files_that_cannot_be_read(client: TestClient) -> None:
    for content, name in (
        (b"", "empty.ged"),
        (bytes(range(256)) * 9, "binary.ged"),
        (b"PK\3\4 no", "torn.zip"),
    ):
        answer = drop(client, content, name)
        assert answer.status_code == 400
        assert len(answer.json()["error"]) > 10
    assert drop(client, EDGES, "../../etc/passwd.csv").status_code == 200, "a name is not a path"


def test_a_file_that_is_too_large(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_UPLOAD", 1 << 20)
    too_large = b"x" * ((1 << 20) + 1)
    answer = drop(client, too_large)
    assert answer.status_code == 413
    assert answer.json()["error"] == "the request is larger than 1 MB, the most that is accepted here"
    # Without a length that is told beforehand.
    parts = client.post("/api/data?filename=a.csv", content=iter([too_large[:1000], too_large[1000:]]))
    assert parts.status_code == 413
    assert client.post("/api/ask", content=b" " * (1 << 17)).status_code == 413


def test_only_the_last_files_are_kept() -> None:
    library = Library()
    keys = [library.take(EDGES, "a.csv")["id"] for _ in range(MAX_KEPT)]
    library.graph(keys[0])
    library.take(EDGES, "a.csv")
    library.graph(keys[0])
    with pytest.raises(InputError, match="drop it once more"):
        library.graph(keys[1])


def test_other_pages_are_refused(client: TestClient) -> None:
    assert client.get("/api/models", headers={"host": "evil.example"}).status_code == 400
    assert client.get("/api/models", headers={"host": "127.0.0.1.evil.example:8000"}).status_code == 400
    assert client.get("/api/models", headers={"host": "localhost:8000"}).status_code == 200
    assert client.get("/api/models", headers={"origin": "https://evil.example"}).status_code == 403
    assert client.get("/api/models", headers={"origin": "null"}).status_code == 403
    answer = client.get("/api/models", headers={"origin": "http://127.0.0.1:8000"})
    assert answer.status_code == 200
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_what_breaks_inside_is_said_without_a_traceback(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(knowledge, "ask_parsed", broken)
    answer = client.post("/api/ask", json={"data": "london", "question": "from Bank to Victoria"})
    assert answer.status_code == 500
    assert (
        answer.json()["error"]
        == "something inside tapehead broke (ZeroDivisionError); the terminal says where"
    )

    def missing(*_: Any, **__: Any) -> None:
        raise ModuleNotFoundError("No module named 'ged4py'", name="ged4py")

    monkeypatch.setattr(knowledge, "ask_parsed", missing)
    answer = client.post("/api/ask", json={"data": "london", "question": "from Bank to Victoria"})
    assert answer.json()["error"] == 'ged4py is not installed, and this needs it: pip install "tapehead[all]"'


def test_malformed_requests(client: TestClient) -> None:
    """A seeded fuzzer over what the page's own description says it takes."""
    described = create_app().openapi()
    chance = random.Random(0)
    calls = [
        (path, method, call)
        for path, methods in described["paths"].items()
        for method, call in methods.items()
    ]
    takers = [entry for entry in calls if entry[1] == "post"]
    for number in range(FUZZED):
        path, method, call = chance.choice(takers)
        answer = client.request(method.upper(), path, **_malformed(described, path, call, chance))
        assert 400 <= answer.status_code < 500, (number, path, answer.text)
        assert "Traceback" not in answer.text
        assert answer.json()["error"]
    for path, method, _ in calls:
        other = "DELETE" if method == "get" else "PATCH"
        assert client.request(other, path).status_code == 405
    for path in ("/api", "/static/../_app.py", "/static/%2e%2e/_app.py", "/player/%00", "/%ff", "/static/"):
        assert client.get(path).status_code in (400, 404), path
    assert client.get("/api/models").status_code == 200


def _malformed(
    described: dict[str, Any], path: str, call: dict[str, Any], chance: random.Random
) -> dict[str, Any]:
    """A request that no reading of the description allows."""
    headers = {
        "content-type": chance.choice(["application/json", "application/json", "text/plain", "a/b; ="])
    }
    content = call.get("requestBody", {}).get("content", {})
    if path == "/api/data":
        rubbish = bytes(chance.randrange(256) for _ in range(chance.randrange(2000))) + b"\0"
        name = chance.choice([None, "", "x" * 300, "a.ged", "a.zip", "\0.csv", "a.graphml"])
        return {"params": {} if name is None else {"filename": name}, "content": rubbish}
    if "application/json" not in content:
        return {"params": {"x": "y" * chance.randrange(100)}, "content": b"{"}
    raw = [
        b"",
        b"{",
        b"[" * 5000,
        b'{"model": NaN}',
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b"1e999",
        b'{"a":' * 900,
    ]
    if chance.random() < 0.3:
        return {"content": chance.choice(raw), "headers": headers}
    reference = content["application/json"]["schema"]["$ref"].split("/")[-1]
    fields = described["components"]["schemas"][reference]["properties"]
    good = {"model": "ntm-copy", "length": 3, "seed": 1, "data": "london", "question": "where am I?"}
    body: dict[str, Any] = {name: good[name] for name in fields}
    wrong = chance.choice(list(fields))
    body[wrong] = chance.choice(
        [
            -1,
            1.5,
            10**400,
            [],
            {},
            True,
            [[]] * 50,
            "",
            "\ud800",
            "x" * 3000,
            "\0",
            "../..",
            float("1e308"),
            {"$ref": ""},
        ]
    )
    return {"content": json.dumps(body).encode(), "headers": headers}


def call(address: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def ask_at_once(address: str, questions: list[dict[str, str]]) -> tuple[list[list[str]], float]:
    """All answers, and the median of the seconds for which the page let others wait meanwhile."""
    waits: list[float] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            start = time.monotonic()
            call(f"{address}/api/models")
            waits.append(time.monotonic() - start)
            time.sleep(0.02)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        with ThreadPoolExecutor(len(questions)) as pool:
            answers = list(pool.map(lambda asked: call(f"{address}/api/ask", asked)["answers"], questions))
    finally:
        done.set()
        looking.join()
    # Not the longest: other work on the machine may hold up one.
    return answers, statistics.median(waits)


def test_many_questions_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is lost, none is answered wrong, and the page answers meanwhile."""
    live.use_fakes(monkeypatch)
    london = knowledge.read("london")
    edges = london.edges
    names = [london.entities[place].name for place in edges.places]
    chance = random.Random(1)
    asked = [chance.choice(edges.edges) for _ in range(AT_ONCE)]
    questions = [
        {"data": "london", "question": f"from {names[start]} take {edges.lines[line]}: where am I?"}
        for start, line, _ in asked
    ]
    with live.running() as address:
        answers, wait = ask_at_once(address, questions)
    assert answers == [[names[end]] for _, _, end in asked]
    assert wait < 1


def test_the_shipped_models_at_once() -> None:
    """Whoever asks among many gets the answer that they get alone."""
    people = ("Carl Philipp Emanuel", "Johann Christian", "Elisabeth Juliana Friederica")
    relations = ("maternal grandfather", "siblings", "uncles")
    distinct = [
        *(
            {"data": "family", "question": f"Who are the {relation} of {person} Bach?"}
            for person in people
            for relation in relations
        ),
        {"data": "london", "question": "from Bank take Central westbound, Central westbound: where am I?"},
    ]
    order = [place % len(distinct) for place in range(AT_ONCE)]
    random.Random(2).shuffle(order)
    with live.running() as address:
        alone = [call(f"{address}/api/ask", asked)["answers"] for asked in distinct]
        answers, wait = ask_at_once(address, [distinct[number] for number in order])
    assert all(alone)
    assert answers == [alone[number] for number in order]
    assert wait < 2


def test_a_question_whose_asker_has_gone_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """All workers are busy; of the questions that wait, some are given up by their askers."""
    live.use_fakes(monkeypatch)
    go_on, begun = threading.Event(), threading.Semaphore(0)
    answered: list[str] = []
    answer = knowledge.ask_parsed

    def slow(graph: Any, question: Any, machine: Any, *, words: str) -> Any:
        answered.append(words)
        begun.release()
        assert go_on.wait(60)
        return answer(graph, question, machine, words=words)

    monkeypatch.setattr(knowledge, "ask_parsed", slow)
    stations = ["Bank", "Moorgate", "Euston", "Paddington", "Waterloo"]
    questions = [f"from {a} to {b}" for a, b in itertools.permutations(stations, 2)]
    busy, given_up, patient = questions[:MAX_WORKERS], questions[4:9], questions[9:12]
    count = min(MAX_WORKERS, os.cpu_count() or 1)
    with live.running() as address, ThreadPoolExecutor(20) as pool:
        calls = [pool.submit(call, f"{address}/api/ask", _about_london(words)) for words in busy[:count]]
        for _ in range(count):
            assert begun.acquire(timeout=60)
        sockets = [_send(address, words) for words in given_up]
        calls += [pool.submit(call, f"{address}/api/ask", _about_london(words)) for words in patient]
        time.sleep(0.5)
        for sent in sockets:
            sent.close()
        time.sleep(0.5)
        go_on.set()
        assert all(future.result(timeout=60)["answers"] for future in calls)
        assert sorted(answered) == sorted([*busy[:count], *patient])


def _about_london(words: str) -> dict[str, str]:
    return {"data": "london", "question": words}


def _send(address: str, words: str) -> socket.socket:
    """Ask, without waiting for the answer."""
    host, port = address.removeprefix("http://").split(":")
    body = json.dumps(_about_london(words)).encode()
    head = f"POST /api/ask HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
    connection = socket.create_connection((host, int(port)))
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return connection


def test_the_queue_is_bounded_and_drops_what_nobody_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MAX_WORKERS", 1)
    monkeypatch.setattr(workers, "MAX_WAITING", 3)
    done: list[str] = []
    go_on, begun = threading.Event(), threading.Event()

    def work(name: str) -> str:
        begun.set()
        assert go_on.wait(60)
        done.append(name)
        return name

    async def stays() -> Any:
        await asyncio.sleep(3600)

    async def leaves() -> Any:
        return {"type": "http.disconnect"}

    async def main() -> None:
        pool = workers.Workers()
        first = asyncio.create_task(pool.run(stays, work, "first"))
        while not begun.is_set():
            await asyncio.sleep(0.01)
        with pytest.raises(HTTPException) as gone:
            await pool.run(leaves, work, "gone")
        assert gone.value.status_code == 499
        others = [asyncio.create_task(pool.run(stays, work, name)) for name in ("second", "third")]
        await asyncio.sleep(0.01)
        with pytest.raises(HTTPException) as full:
            await pool.run(stays, work, "one too many")
        assert full.value.status_code == 503
        go_on.set()
        assert await asyncio.gather(first, *others) == ["first", "second", "third"]
        pool.close()

    asyncio.run(main())
    assert done == ["first", "second", "third"]


def test_a_port_that_is_taken() -> None:
    with pytest.raises(InputError, match="the port is 70000"):
        serve(70000)
    with live.running() as address:
        port = int(address.rpartition(":")[2])
        with pytest.raises(InputError, match=f"port {port} cannot be had"):
            serve(port, browser=False)


def test_the_page_begins_with_a_length_of_the_training_range() -> None:
    usual = {model["name"]: model["usual"] for model in Library().watchable()}
    assert (usual["ntm-copy"], usual["dnc-ngrams"], usual["dnc-priority-sort"]) == (12, 200, 20)


def test_the_documentation_is_served_where_it_is_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tapehead.web import app as web_app

    monkeypatch.setattr(web_app, "SITE", tmp_path)
    with TestClient(create_app(), base_url="http://127.0.0.1:8000") as client:
        assert client.get("/api/models").json()["docs"] is None
        assert client.get("/docs/index.html").status_code == 404
    (tmp_path / "objects.inv").write_bytes(b"")
    (tmp_path / "index.html").write_text("<script>1</script>")
    with TestClient(create_app(), base_url="http://127.0.0.1:8000") as client:
        address = client.get("/api/models").json()["docs"]
        page = client.get(address)
        assert page.status_code == 200
        assert "'unsafe-inline'" in page.headers["content-security-policy"]
        assert "script" not in client.get("/").headers["content-security-policy"].replace("style-src", "")
        assert client.get("/docs/../pyproject.toml").status_code == 404
