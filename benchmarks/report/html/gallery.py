"""The gallery's data: episodes of the final evaluation, and groups of training, as plain JSON.

An entry is what is shown together: an episode of the evaluation, or a group of training with all of
its members. Images and samples are kept once and named by entries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.report.html.replay import Pictures, opened, replayed, sample_at
from benchmarks.report.html.runs import Row, Run
from vt_env import EpisodeFactory, Sample, VisionThinkError


@dataclass(frozen=True)
class Bounds:
    """How much a gallery holds.

    Attributes:
        episodes: Of final evaluations, over all runs.
        groups: Of training, over all runs.
        megabytes: Of images.
        text_megabytes: Of what was written, half of it for each of the two.
    """

    episodes: int = 500
    groups: int = 150
    megabytes: float = 10.0
    text_megabytes: float = 4.5


@dataclass
class Gallery:
    """What the page shows, as JSON has it.

    Attributes:
        runs: Names of the runs.
        samples: By the name that entries have for them.
        entries: In order: runs one after the other, the evaluation first.
        pictures: All images.
        notes: What could not be shown, and why; what was left out.
    """

    pictures: Pictures
    runs: list[str] = field(default_factory=list)
    samples: dict[str, Row] = field(default_factory=dict)
    entries: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def data(self) -> Row:
        """All but the images."""
        return {"runs": self.runs, "samples": self.samples, "entries": self.entries}


def build_gallery(runs: Sequence[Run], bounds: Bounds) -> Gallery:
    """Collects what is shown of runs: of each as much, from the first sample on.

    Args:
        runs: At least one.
        bounds: How much is shown.
    """
    gallery = Gallery(Pictures(int(bounds.megabytes * 1e6)), [run.name for run in runs])
    room = bounds.text_megabytes * 1e6 / 2 / len(runs)
    for number, run in enumerate(runs):
        records = run.episodes()
        shown = fitting(records, bounds.episodes // len(runs), room)
        if shown < len(records):
            gallery.notes.append(f"{run.name}: the first {shown} of {len(records)} episodes.")
        _add_episodes(gallery, number, run, records[:shown])
    for number, run in enumerate(runs):
        kept = _grouped(run.rollouts())
        shown = fitting(kept, bounds.groups // len(runs), room)
        if shown < len(kept):
            gallery.notes.append(f"{run.name}: {shown} of {len(kept)} groups of training.")
        _add_groups(gallery, number, run, spread(kept, shown))
    if gallery.pictures.left_out:
        gallery.notes.append(
            f"{gallery.pictures.left_out} images are left out: those shown have "
            f"{bounds.megabytes:g} MB."
        )
    return gallery


def _add_episodes(gallery: Gallery, number: int, run: Run, records: Sequence[Row]) -> None:
    before = run.before()
    if not records:
        return
    with drawer(gallery, run, training=False) as draws:
        for place, record in enumerate(records):
            start = before.get(record["sample_id"])
            index = start["index"] if start else place
            key = _sample(gallery, number, "test", record)
            seen = draws.images(index, record)
            gallery.samples[key]["why"] = draws.why(index, record["sample_id"])
            entry = {"run": number, "kind": "evaluation", "sample": key}
            entry["members"] = [{**episode(record, seen), **compared(record, start)}]
            gallery.entries.append({**entry, "start": start})


def _add_groups(gallery: Gallery, number: int, run: Run, groups: Sequence[list[Row]]) -> None:
    if not groups:
        return
    with drawer(gallery, run, training=True) as draws:
        for group in groups:
            first = group[0]
            key = _sample(gallery, number, "train", first["record"])
            gallery.samples[key]["why"] = draws.why(first["index"], first["sample_id"])
            members = []
            for row in group:
                record = {**row["record"], "reward": row["reward"],
                          "reward_terms": row["reward_terms"]}  # fmt: skip
                own = {name: row[name] for name in ("forced", "advantage", "tokens")}
                seen = draws.images(row["index"], record)
                members.append({**episode(record, seen), **compared(record, None), **own})
            rewards = [m["reward"] for m in members if m["correct"] is not None]
            entry = {"run": number, "kind": "training", "sample": key, "members": members}
            entry |= {"iteration": first["iteration"], "group": first["group"]}
            spread_of = round(float(np.std(rewards)), 4) if rewards else None
            gallery.entries.append({**entry, "spread": spread_of})


def episode(record: Mapping[str, Any], seen: Sequence[Row]) -> Row:
    """What is shown of an episode."""
    share = record["visual_tokens"] / record["full_tokens"]
    named = ("prediction", "correct", "abstained", "ending", "problems", "reward", "reward_terms")
    turns = [
        {name: turn.get(name) for name in ("action", "feedback", "tool")}
        for turn in record["turns"]
    ]
    return {
        **{name: record[name] for name in named},
        "asked": record["requested"],
        "share": round(share, 4),
        "turns": turns,
        "images": list(seen),
    }


def compared(record: Mapping[str, Any], start: Mapping[str, Any] | None) -> Row:
    """An episode beside the oracle: its regret, and whether it decided otherwise.

    Args:
        record: Of the episode.
        start: How the model before RL fares on the sample; without it the oracle is the known
            need, and the regret is not known.
    """
    need = record["needs_high_res"]
    if start is not None:
        ought = start["oracle"] == "request"
        regret = None if record["correct"] is None else start[start["oracle"]]["reward"]
        regret = None if regret is None else round(regret - record["reward"], 6)
        return {"disagrees": record["requested"] is not ought, "regret": regret}
    disagrees = need is not None and record["requested"] is not need
    return {"disagrees": disagrees, "regret": None}


def fitting(items: Sequence[Any], most: int, room: float) -> int:
    """How many of some items there is room for: at most `most`, of their mean length in JSON.

    Args:
        items: Records, or groups of them.
        most: Most items.
        room: Bytes for all of them.
    """
    size = sum(len(json.dumps(item)) for item in items) / max(1, len(items))
    return min(len(items), most, int(room / size) if size else most)


def spread(groups: Sequence[list[Row]], most: int) -> list[list[Row]]:
    """At most so many groups, evenly over training, the first and the last among them."""
    if len(groups) <= most:
        return list(groups)
    places = np.linspace(0, len(groups) - 1, max(0, most)).round().astype(int)
    return [groups[place] for place in dict.fromkeys(places.tolist())]


def _grouped(rows: Sequence[Row]) -> list[list[Row]]:
    groups: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["iteration"], row["group"]), []).append(row)
    return list(groups.values())


def _sample(gallery: Gallery, run: int, part: str, record: Mapping[str, Any]) -> str:
    """Keeps what is asked of a sample; returns its name: samples that are alike have one."""
    names = ("sample_id", "family", "question", "references", "choices", "needs_high_res")
    told = {name: record[name] for name in names}
    for key in (f"{part}/{record['sample_id']}", f"{run}/{part}/{record['sample_id']}"):
        known = gallery.samples.setdefault(key, told)
        if all(known[name] == told[name] for name in names):
            break
    return key


@dataclass
class Drawer:
    """Draws the images of a run's episodes; says once why there are none.

    Attributes:
        gallery: Keeps them.
        what: What they are of, for the note.
        factory: Makes the episodes; None where it cannot be.
    """

    gallery: Gallery
    what: str
    factory: EpisodeFactory | None = None
    _last: tuple[int, Sample] | None = None
    _told: bool = False

    def images(self, index: int, record: Mapping[str, Any]) -> list[Row]:
        """Names, sizes and boxes of the images of an episode, in order."""
        sample = self._sample(index, record["sample_id"])
        if sample is None or self.factory is None:
            return []
        try:
            seen = replayed(self.factory, sample, record)
        except (VisionThinkError, OSError) as error:
            self.note(error)
            return []
        names = [self.gallery.pictures.add(one.image) for one in seen]
        rounded = [one.box and [round(side, 4) for side in one.box] for one in seen]
        return [
            {"name": name, "size": one.image.size, "box": box}
            for name, one, box in zip(names, seen, rounded, strict=True)
        ]

    def why(self, index: int, sample_id: str) -> str:
        """How the need is known; empty where nothing says it."""
        sample = self._sample(index, sample_id)
        return "" if sample is None else str(sample.meta.get("why", ""))

    def note(self, error: Exception) -> None:
        """Says why there are no images, once."""
        if not self._told:
            self.gallery.notes.append(f"{self.what} has no images: {error}")
            self._told = True

    def _sample(self, index: int, sample_id: str) -> Sample | None:
        if self.factory is None:
            return None
        if self._last is None or self._last[0] != index:
            try:
                self._last = index, sample_at(self.factory, index, sample_id)
            except (VisionThinkError, OSError) as error:
                self.note(error)
                return None
        return self._last[1]


@contextmanager
def drawer(gallery: Gallery, run: Run, training: bool) -> Iterator[Drawer]:
    """Draws for a run; without images where its data or its checkpoint are gone."""
    with ExitStack() as stack:
        found = Drawer(gallery, f"{run.name}, {'training' if training else 'evaluation'},")
        try:
            found.factory = stack.enter_context(opened(run, training))
        except (VisionThinkError, OSError) as error:
            found.note(error)
        yield found
