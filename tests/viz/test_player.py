"""The player's recording: what is packed is what was traced."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tapehead import DNC, NTM, Trace, knowledge, tasks, viz
from tapehead.errors import InputError
from tapehead.nn import DeepLSTM
from tapehead.viz.player_page import (
    QuestionRecord,
    Recording,
    pack,
    player_html,
    record,
    record_answer,
    record_episode,
    write_player,
)
from tapehead.viz.player_page.bundle import bundle
from tapehead.viz.player_page.captions import slot_owners, step_captions
from tapehead.viz.player_page.html import ENTRY, STATIC
from tapehead.viz.player_page.layout import LABEL_SIZE, PERSON_GAP, family_layout, map_layout
from tests.web import fakes

DTYPES = {"f4": "<f4", "f2": "<f2", "u4": "<u4", "i4": "<i4", "i2": "<i2", "u1": "u1"}
MACHINES = {
    "NTM": lambda: NTM(10, 12, output_size=9, memory_size=12, word_size=5, num_reads=2, num_writes=2),
    "DNC": lambda: DNC(10, 12, output_size=9, memory_size=12, word_size=5, num_reads=2),
    "DNC without links": lambda: DNC(
        10, 12, output_size=9, memory_size=12, word_size=5, num_reads=1, temporal_links=False
    ),
}


def unpack(packed: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays, as the player reads them."""
    content = gzip.decompress(packed)
    size = int.from_bytes(content[:4], "little")
    header = json.loads(content[4 : 4 + size])
    arrays = {}
    for name, place in header.pop("arrays").items():
        start = 4 + size + place["offset"]
        assert start % 4 == 0, "a typed array of a browser needs this"
        count = int(np.prod(place["shape"]))
        arrays[name] = np.frombuffer(content, DTYPES[place["dtype"]], count, start).reshape(place["shape"])
    return header, arrays


def replay(arrays: dict[str, np.ndarray], name: str, rows: int) -> np.ndarray:
    """[T, rows, width], from the rows that changed."""
    counts, values = arrays[f"{name}_counts"], arrays[f"{name}_values"]
    current, start, steps = np.zeros((rows, values.shape[1]), np.float32), 0, []
    for count in counts:
        current[arrays[f"{name}_rows"][start : start + count]] = values[start : start + count]
        start += int(count)
        steps.append(current.copy())
    return np.stack(steps)


def run(machine: Any, length: int = 6, batch_size: int = 3) -> tuple[Any, torch.Tensor, Trace]:
    """A copy episode, sequences of several lengths."""
    batch = tasks.Sampler(batch_size, 0).draw(tasks.get("copy", max_length=length))
    with torch.no_grad():
        outputs, _, trace = machine(batch.inputs, lengths=batch.lengths, return_trace=True)
    return batch, outputs, trace


@pytest.mark.parametrize("kind", MACHINES)
def test_what_is_packed_is_what_was_traced(kind: str) -> None:
    batch, outputs, trace = run(MACHINES[kind]())
    for index in range(3):
        recording = record(trace, "t", batch=batch, outputs=outputs, task=tasks.get("copy"), index=index)
        header, arrays = unpack(pack(recording))
        T = int(batch.lengths[index])
        assert header["steps"] == T
        one = trace.map(lambda field, T=T, index=index: field[:T, index].numpy())
        for name in ("read_weights", "read_words", "usage", "allocation_weights"):
            field = getattr(one, name)
            if field is None:
                assert name not in arrays
            else:
                np.testing.assert_array_equal(arrays[name], field)
        np.testing.assert_array_equal(
            arrays["write_weights"].reshape(one.write_weights.shape), one.write_weights
        )
        np.testing.assert_array_equal(arrays["inputs"], batch.inputs[:T, index])
        np.testing.assert_array_equal(arrays["outputs"], outputs[:T, index].sigmoid())
        np.testing.assert_array_equal(arrays["targets"], batch.targets[:T, index])
        np.testing.assert_allclose(replay(arrays, "memory", 12), one.memory, rtol=5e-4, atol=1e-4)
        assert header["links"] == (kind == "DNC")
        if header["links"]:
            np.testing.assert_allclose(replay(arrays, "link", 144).reshape(T, 12, 12), one.link, atol=3e-3)


def test_the_vectors_written_explain_the_memory() -> None:
    """M(t) = M(t−1) ∘ (1 − w eᵀ) + w aᵀ, with the erase and add vectors that the player shows."""
    for kind in ("NTM", "DNC"):
        machine = MACHINES[kind]()
        _, _, trace = run(machine, batch_size=1)
        _, arrays = unpack(pack(record(trace, "t")))
        memory = trace.memory[:, 0].numpy()
        step, w, e, a = 4, arrays["write_weights"][4], arrays["erase"][4], arrays["add"][4]
        expected = memory[step - 1].copy()
        for head in range(len(w)):
            expected *= 1 - np.outer(w[head], e[head])
        expected += np.einsum("hn,hw->nw", w, a)
        np.testing.assert_allclose(expected, memory[step], atol=2e-6)


def test_gates_and_modes() -> None:
    _, _, trace = run(MACHINES["DNC"](), batch_size=1)
    header, arrays = unpack(pack(record(trace, "t")))
    names = [label.split(":")[0] for label in header["gates"]]
    assert names == ["write gate", "allocation gate", "free gate, head 1", "free gate, head 2"]
    np.testing.assert_array_equal(arrays["gates"][:, :2], trace.write_gates[:, 0].flip(1))
    np.testing.assert_array_equal(arrays["modes"], trace.read_gates[:, 0])
    _, _, trace = run(MACHINES["NTM"](), batch_size=1)
    header, arrays = unpack(pack(record(trace, "t")))
    np.testing.assert_array_equal(arrays["gates"][:, :2], trace.write_gates[:, 0])
    np.testing.assert_array_equal(arrays["gates"][:, 2:], trace.read_gates[:, 0])
    assert "modes" not in arrays


def test_an_unbatched_trace_alone() -> None:
    machine = MACHINES["NTM"]()
    with torch.no_grad():
        _, _, trace = machine(torch.rand(5, 10), return_trace=True)
    header, arrays = unpack(pack(record(trace, "t")))
    assert header["steps"] == 5
    assert header["step_captions"] == []
    assert not {"inputs", "outputs", "mask"} & set(arrays)


def test_a_number_that_is_none_is_shown_as_such() -> None:
    _, _, trace = run(MACHINES["NTM"](), batch_size=1)
    memory = trace.memory.clone()
    memory[3:, 0, 2] = torch.nan
    _, arrays = unpack(pack(record(trace._replace(memory=memory), "t")))
    assert np.isnan(replay(arrays, "memory", 12)[3:, 2]).all()


def test_a_large_recording_stays_small() -> None:
    """T = 300, N = 256, W = 64 with every slot changing in every step: under 20 MB."""
    T, N, W, R = 300, 256, 64, 4
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    weights = noise(T, R, N).softmax(-1)
    size = R * W + R + W + 1 + 2 * W + R + 2 + 3 * R
    trace = Trace(
        memory=noise(T, N, W) - 0.5,
        read_weights=weights,
        write_weights=weights[:, 0],
        usage=noise(T, N),
        link=torch.zeros(T, N, N),
        precedence=noise(T, N),
        allocation_weights=noise(T, N),
        content_read_weights=weights,
        content_write_weights=weights[:, 0],
        read_gates=noise(T, R, 3),
        write_gates=noise(T, 2),
        read_words=noise(T, R, W),
        interface=noise(T, size),
    )
    assert len(player_html(record(trace, "large"))) < 20e6


def test_words_of_a_step() -> None:
    batch = tasks.Sampler(1, 0).draw(tasks.get("copy").with_sizes(length=2))
    task = tasks.get("copy")
    words = step_captions(batch.inputs[:, 0].numpy(), batch.mask[:, 0].numpy(), task.channels.inputs)
    assert words == ["start", "vector 1", "vector 2", "end", "answer 1", "answer 2", "answer 3"]
    task = tasks.get("associative-recall")
    batch = tasks.Sampler(1, 0).draw(task.with_sizes(items=2))
    words = step_captions(batch.inputs[:, 0].numpy(), batch.mask[:, 0].numpy(), task.channels.inputs)
    assert words[4:8] == ["item 2", "item 2, vector 1", "item 2, vector 2", "item 2, vector 3"]
    assert words[-4:] == ["query 2", "answer 1", "answer 2", "answer 3"]
    for name in set(tasks.names()) - {"babi"}:  # whose episodes are in files
        task = tasks.get(name)
        batch = tasks.Sampler(1, 0).draw(task)
        words = step_captions(batch.inputs[:, 0].numpy(), batch.mask[:, 0].numpy(), task.channels.inputs)
        assert len(words) == len(batch.inputs)
        assert all(words)


def test_a_slot_belongs_to_the_latest_strong_write() -> None:
    weights = np.zeros((4, 1, 3), np.float32)
    memory = np.zeros((4, 3, 1), np.float32)
    weights[0, 0, 0] = 0.9  # written,
    weights[1, 0, 0] = 0.4  # then touched up: less than half, and less than before
    weights[1, 0, 1] = 0.3  # the most that slot 1 ever got
    weights[2, 0, 0] = 0.8  # written over
    weights[3, 0, 2] = 1.0  # the head stands here, but changes nothing
    memory[:, 0, 0] = [1, 0.5, -1, -1]
    memory[1:, 1, 0] = 1
    owners = slot_owners(weights, memory)
    assert owners.tolist() == [[0, -1, -1], [0, 1, -1], [2, 1, -1], [2, 1, -1]]


def test_recordings_that_do_not_fit() -> None:
    batch, outputs, trace = run(MACHINES["NTM"]())
    with pytest.raises(ValueError, match="index is 3: the trace has the sequences 0 to 2"):
        record(trace, "t", batch=batch, index=3)
    with pytest.raises(ValueError, match="outputs begins with axes"):
        record(trace, "t", batch=batch, outputs=outputs[1:])
    with pytest.raises(ValueError, match="one sequence"):
        Recording(trace, "t")
    one = trace.map(lambda field: field[:, 0])
    with pytest.raises(ValueError, match="step_captions has 1 entries"):
        Recording(one, "t", step_captions=["a"])
    with pytest.raises(ValueError, match="inputs has 2 steps"):
        Recording(one, "t", inputs=torch.zeros(2, 3))
    with pytest.raises(ValueError, match="fact_steps has 2 entries, but there should be 1"):
        Recording(one, "t", question=QuestionRecord("?", (), (), True, facts=("a",), fact_steps=(0, 1)))


def test_the_page_loads_nothing() -> None:
    _, _, trace = run(MACHINES["NTM"](), batch_size=1)
    page = player_html(record(trace, "</title><script>alert(1)</script>"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "default-src 'none'" in page
    # The name of SVG is not an address that is fetched.
    addresses = re.findall(r"https?:[^\s\"']*", page)
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}
    assert "{{" not in page


def test_every_module_is_bundled_once() -> None:
    script = bundle(STATIC, ENTRY)
    for path in STATIC.glob("*.js"):
        assert script.count(f'modules["{path.name}"] = (() => {{') == 1, path.name
    assert script == bundle(STATIC, ENTRY)
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)


def test_a_bundle_keeps_modules_apart(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { f } from "./b.js";\nconst own = 1;\nexport const g = f(own);\n')
    (tmp_path / "b.js").write_text("const own = 2;\nexport function f(x) {\n  return x + own;\n}\n")
    assert bundle(tmp_path, "a.js") == (
        "const modules = {};\n"
        'modules["b.js"] = (() => {\nconst own = 2;\nfunction f(x) {\n  return x + own;\n}\n'
        "return { f };\n})();\n"
        'modules["a.js"] = (() => {\nconst { f } = modules["b.js"];\nconst own = 1;\nconst g = f(own);\n'
        "return { g };\n})();"
    )
    (tmp_path / "b.js").write_text('import { g } from "./a.js";\n')
    with pytest.raises(ValueError, match=r"in a circle: a\.js → b\.js → a\.js"):
        bundle(tmp_path, "a.js")
    (tmp_path / "b.js").write_text("export default 3;\n")
    with pytest.raises(ValueError, match=r"b\.js: .* cannot be bundled: export default 3"):
        bundle(tmp_path, "a.js")


def test_the_scripts_make_no_markup_from_text() -> None:
    pages = STATIC.parents[2] / "web" / "static"
    for path in [*STATIC.glob("*.js"), *pages.glob("*.js")]:
        code = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", code), path


def test_a_title_is_not_a_template() -> None:
    _, _, trace = run(MACHINES["NTM"](), batch_size=1)
    assert "<title>{{script}}</title>" in player_html(record(trace, "{{script}}"))


def test_the_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, trace = run(MACHINES["NTM"](), batch_size=1)
    recording = record(trace, "t")
    path = write_player(recording, tmp_path / "new" / "play.html")
    assert path.read_text(encoding="utf-8") == player_html(recording)
    assert write_player(recording, path) == path
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_player(recording, path)
    assert [file.name for file in path.parent.iterdir()] == ["play.html"]


def test_a_trace_shows_itself(tmp_path: Path) -> None:
    batch, outputs, trace = run(MACHINES["DNC"]())
    page = viz.player(trace, tmp_path / "t.html", title="mine", batch=batch, outputs=outputs, index=1)
    assert page == (tmp_path / "t.html").read_text(encoding="utf-8")
    assert "<title>mine</title>" in page
    assert len(viz.plot(trace, batch, outputs, "copy", index=1)) == 4


def test_models_that_cannot_be_watched(tmp_path: Path) -> None:
    copy = tasks.get("copy")
    DeepLSTM(10, 8, output_size=9).save_pretrained(tmp_path / "lstm", extra={"task": copy.to_dict()})
    with pytest.raises(InputError, match="no memory to look at"):
        record_episode(str(tmp_path / "lstm"))
    NTM(10, 8, output_size=9, memory_size=8).save_pretrained(tmp_path / "ntm")
    with pytest.raises(InputError, match="name one with --task"):
        record_episode(str(tmp_path / "ntm"))
    with pytest.raises(InputError, match="associative-recall needs 8 and 6"):
        record_episode(str(tmp_path / "ntm"), task_name="associative-recall")
    with pytest.raises(InputError, match="nonsense"):
        record_episode(str(tmp_path / "ntm"), task_name="nonsense")
    with pytest.raises(InputError, match="traversal is about graphs: give --data and --question"):
        record_episode(str(tmp_path / "ntm"), task_name="traversal")
    DNC(10, 8, output_size=9, memory_size=2048, word_size=8).save_pretrained(tmp_path / "dnc")
    with pytest.raises(InputError, match="choose a length that makes at most 31 steps"):
        record_episode(str(tmp_path / "dnc"), task_name="copy", length=20)
    assert record_episode(
        str(tmp_path / "ntm"), task_name="copy", length=3, memory_size=9
    ).trace.memory.shape[:2] == (9, 9)


def test_a_question_becomes_a_recording() -> None:
    family = knowledge.read("family")
    tree, ids = family.family_tree()
    child = next(person for person, home in enumerate(tree.parents) if home is not None)
    name = family.entities[ids[child]].name
    answer = fakes.ask(family, f"Who are the parents of {ids[child]}?")
    recording = record_answer(family, answer)
    asked = recording.question
    assert asked is not None
    assert asked.picture is not None
    assert asked.picture.nodes[asked.picture.start or 0].label == name
    assert [asked.picture.nodes[n].label for n in asked.picture.answers] == list(asked.answers)
    assert asked.step_facts[-3:] == (-1, 0, 1)
    assert asked.answer_steps == tuple(len(asked.facts) + 1 + place for place, _ in enumerate(asked.answers))
    assert recording.step_captions[-3:] == [
        f"looks up {asked.facts[0]}",
        f"looks up {asked.facts[1]}",
        "looks up no fact",
    ]
    assert len(pack(recording)) < 2e6

    london = knowledge.read("london")
    places = london.edges.places
    answer = fakes.ask(
        london, f"shortest path from {london.entities[places[0]].name} to {london.entities[places[5]].name}"
    )
    asked = record_answer(london, answer).question
    assert asked is not None
    assert asked.picture is not None
    assert asked.picture.nodes[asked.picture.answers[-1]].label == london.entities[places[5]].name
    lit = {fact for edge in asked.picture.edges for fact in edge.facts}
    assert lit == set(range(len(asked.facts)))


def test_generations_stand_in_rows() -> None:
    # 0 and 1 have 2 and 3; 3 and 4 have 5; 6 belongs to nobody.
    ties = [
        (0, 0, False),
        (1, 0, False),
        (2, 0, True),
        (3, 0, True),
        (3, 1, False),
        (4, 1, False),
        (5, 1, True),
    ]
    people, families = family_layout(7, 2, ties, start=5)
    y = people[:, 1]
    assert y[0] == y[1] < families[0, 1] < y[2] == y[3] == y[4] < families[1, 1] < y[5]
    for row in set(y):
        x = np.sort(people[y == row, 0])
        assert (np.diff(x) >= PERSON_GAP - 1e-6).all()
    assert family_layout(0, 0, [])[0].shape == (0, 2)


def test_neighbouring_stations_stand_near() -> None:
    edges = [(i, i + 1) for i in range(7)]  # a line
    spots = map_layout(9, edges)  # and a station by itself
    apart = np.linalg.norm(spots[:, None] - spots[None], axis=-1)
    assert apart[0, 7] > 5 * apart[0, 1]
    close = [
        (a, b)
        for a in range(9)
        for b in range(a)
        if (np.abs(spots[a] - spots[b]) < np.array(LABEL_SIZE) - 1e-6).all()
    ]
    assert not close
    assert map_layout(1, []).shape == (1, 2)
    np.testing.assert_array_equal(spots, map_layout(9, edges))
