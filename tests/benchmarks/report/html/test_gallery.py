import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report.html.gallery import Bounds, build_gallery, compared, fitting, spread
from benchmarks.report.html.runs import find_runs


def test_entries_of_all_runs_share_samples_and_pictures(sweep: Path) -> None:
    runs = find_runs([sweep])
    gallery = build_gallery(runs, Bounds())
    assert gallery.runs == ["cheap/0", "cheap/1", "dear/0"]
    assert gallery.notes == []
    kinds = [(entry["run"], entry["kind"]) for entry in gallery.entries]
    assert kinds == [(r, "evaluation") for r in range(3) for _ in range(6)] + [
        (r, "training") for r in range(3) for _ in range(4)
    ]
    assert len(gallery.samples) == 6 + 4
    names = {
        image["name"]
        for entry in gallery.entries for member in entry["members"] for image in member["images"]
    }  # fmt: skip
    assert names == set(gallery.pictures.found)
    assert len(names) <= 2 * 10
    assert all(sample["why"] for sample in gallery.samples.values())
    json.dumps(gallery.data(), allow_nan=False)


def test_an_episode_is_compared_with_the_start_oracle(sweep: Path) -> None:
    (run, *_) = find_runs([sweep])
    gallery = build_gallery([run], Bounds(groups=0))
    for entry, record in zip(gallery.entries, run.episodes(), strict=True):
        (member,) = entry["members"]
        start = entry["start"]
        best = start[start["oracle"]]["reward"]
        assert member["regret"] == pytest.approx(best - record["reward"])
        assert member["disagrees"] is (record["requested"] != (start["oracle"] == "request"))
    assert any(entry["members"][0]["disagrees"] for entry in gallery.entries)


def test_a_group_has_its_members_and_their_tokens(sweep: Path) -> None:
    (run, *_) = find_runs([sweep])
    gallery = build_gallery([run], Bounds(episodes=0))
    first = gallery.entries[0]
    assert (first["kind"], first["iteration"], len(first["members"])) == ("training", 1, 4)
    assert first["spread"] > 0.3
    assert first["members"][1]["tokens"]["loss_mask"][:3] == [0, 0, 1]
    assert [member["asked"] for member in first["members"]] == [True, False, True, False]
    assert gallery.notes == ["cheap/0: the first 0 of 6 episodes."]


def test_long_texts_leave_room_for_fewer(sweep: Path) -> None:
    items = ["x" * 98] * 10  # a hundred bytes each, quotes included
    assert [fitting(items, 20, room) for room in (1e9, 1000, 999, 50)] == [10, 10, 9, 0]
    assert fitting(items, 4, 1e9) == 4
    assert fitting([], 4, 1e9) == 0
    (run, *_) = find_runs([sweep])
    few = build_gallery([run], Bounds(text_megabytes=0.006))
    assert 0 < sum(entry["kind"] == "evaluation" for entry in few.entries) < 6
    some = build_gallery([run], Bounds(text_megabytes=0.03))
    assert 0 < sum(entry["kind"] == "training" for entry in some.entries) < 4
    assert "of 4 groups of training" in some.notes[-1]


def record(need: bool | None, requested: bool, correct: bool | None = True) -> dict[str, Any]:
    return {"needs_high_res": need, "requested": requested, "correct": correct, "reward": 1.0}


def test_without_the_start_model_the_oracle_is_the_known_need() -> None:
    assert compared(record(True, False), None) == {"disagrees": True, "regret": None}
    assert compared(record(False, False), None) == {"disagrees": False, "regret": None}
    assert compared(record(None, True), None) == {"disagrees": False, "regret": None}
    start = {"oracle": "answer", "answer": {"reward": 1.5}, "request": {"reward": 0.5}}
    assert compared(record(None, True), start) == {"disagrees": True, "regret": 0.5}
    assert compared(record(None, True, None), start)["regret"] is None  # the judge abstained


def test_groups_are_spread_over_training() -> None:
    groups = [[{"iteration": n}] for n in range(10)]
    assert spread(groups, 10) == groups
    assert [group[0]["iteration"] for group in spread(groups, 4)] == [0, 3, 6, 9]
    assert spread(groups, 0) == []


def test_without_its_data_a_run_is_shown_without_images(sweep: Path, tmp_path: Path) -> None:
    path = tmp_path / "run"
    shutil.copytree(sweep / "trials/dear/0", path)
    text = (path / "settings.json").read_text()
    (path / "settings.json").write_text(text.replace('"model_dir": "', '"model_dir": "/gone'))
    gallery = build_gallery(find_runs([path]), Bounds())
    assert len(gallery.entries) == 10 and not gallery.pictures.found
    assert [note.split(" has no images: ")[0] for note in gallery.notes] == [
        "run, evaluation,", "run, training,",
    ]  # fmt: skip


def test_images_stop_at_their_bound(sweep: Path) -> None:
    (run, *_) = find_runs([sweep])
    gallery = build_gallery([run], Bounds(megabytes=0.02))
    assert sum(map(len, gallery.pictures.found.values())) <= 20_000
    assert "images are left out: those shown have 0.02 MB." in gallery.notes[-1]
