"""The profile's plumbing: every part of an update has its clock, and the parts make up the whole."""

import json

import pytest

from benchmarks import profile

pytestmark = pytest.mark.filterwarnings("default")


def test_parts_make_up_the_whole(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "WARM_UP", 2)
    before = profile.ops._forward
    assert profile.main(["--updates", "5", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["updates"] == 5
    assert sum(row["us"] for row in result["parts"]) == pytest.approx(result["us"])
    by_name = {row["part"]: row["share"] for row in result["parts"]}
    for part in profile.PARTS[:-1]:
        assert by_name[part] > 0, part
    assert 0 < result["kernel_share"] < result["engine_share"] < 1
    assert profile.ops._forward is before


def test_a_table_is_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "WARM_UP", 1)
    assert profile.main(["--updates", "2", "--batch", "3"]) == 0
    out = capsys.readouterr().out
    assert "ntm-copy, batch 3, 2 updates" in out
    assert "of it the engine:" in out
