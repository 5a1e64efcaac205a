"""Groups of trajectories as tensors: prefix trees or padded rows, with flat sampled tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from agents.errors import AlignmentError
from agents.grpo.packing.positions import Positions
from agents.grpo.packing.tree import Ints, PrefixTree, prefix_tree
from agents.models.vision import FeatureCache, ImageBatch, VisionProcessor
from agents.rollouts.trajectory import Trajectory

if TYPE_CHECKING:
    import torch

Packing = Literal["tree", "padded"]
_IMAGE = 1 << 40
"""The symbol of an image's placeholders: this and its number; no token id is as large."""


@dataclass(frozen=True)
class Group:
    """The trajectories of one prompt, which stay together on a learner and in an optimiser step.

    Behaves as an RLlib episode of a single step, so that it is never sliced.

    Attributes:
        number: Its place in the iteration, whichever learner it is on.
        members: Its trajectories.
    """

    number: int
    members: tuple[Trajectory, ...]

    def __len__(self) -> int:
        return 1

    def env_steps(self) -> int:
        """RLlib's count of environment steps: a trajectory counts as one."""
        return len(self.members)

    def agent_steps(self) -> int:
        """RLlib's count of agent steps: a trajectory counts as one."""
        return len(self.members)


def as_groups(trajectories: Sequence[Trajectory], size: int) -> list[Group]:
    """Trajectories, groups of `size` one after the other, as groups."""
    starts = range(0, len(trajectories), size)
    return [Group(n, tuple(trajectories[i : i + size])) for n, i in enumerate(starts)]


@dataclass(frozen=True)
class Packed:
    """Trajectories that share a row, and the tree of their prefixes.

    Attributes:
        members: The trajectories.
        ids: Token ids of each.
        starts: Where the images of each begin.
        tree: Equal where tokens and images are equal.
    """

    members: tuple[Trajectory, ...]
    ids: tuple[Ints, ...]
    starts: tuple[Ints, ...]
    tree: PrefixTree


@dataclass(frozen=True)
class ModelBatch:
    """Model inputs of R rows, and where the N sampled tokens of B trajectories are.

    Attributes:
        input_ids: (R, T), int64, padded on the right.
        attention_mask: (R, T), int64: 1 where there is a token.
        ends: Of rows that are trees: one more than the last node below each, (R, T), int64; a
            padding node has none but itself. None: rows are sequences.
        positions: Rotary positions, (3, R, T), int64.
        images: Every distinct image as patches, and where they are shown, row by row.
        predictors: Positions in the flat (R * T) rows that predict a sampled token, each once,
            ascending, (P,), int64.
        predicted: Which of the predictors predicts each sampled token, (N,), int64.
        targets: The sampled ids, trajectory after trajectory, (N,), int64.
        rows: Trajectory of each sampled token, (N,), int64.
        sampler_logp: Their log-probs under the engine, (N,), float32.
        advantages: (B,), float32.
        turn_advantages: Of each sampled token, (N,), float32; None: those of the trajectories.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    ends: torch.Tensor | None
    positions: torch.Tensor
    images: ImageBatch
    predictors: torch.Tensor
    predicted: torch.Tensor
    targets: torch.Tensor
    rows: torch.Tensor
    sampler_logp: torch.Tensor
    advantages: torch.Tensor
    turn_advantages: torch.Tensor | None = None

    def to(self, device: torch.device | str) -> ModelBatch:
        """The same on a device; grids of images stay on the CPU, where they are counted with."""
        moved: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            moved[item.name] = None if value is None else value.to(device)
        return replace(self, **moved)

    def tree_mask(self) -> torch.Tensor:
        """Who attends to whom in the trees, (R, 1, T, T), bool: a node to itself and ancestors."""
        import torch

        assert self.ends is not None
        node = torch.arange(self.ends.shape[1], device=self.ends.device)
        mask = (node[None, :] <= node[:, None]) & (node[:, None] < self.ends[:, None, :])
        return mask[:, None]


class Collator:
    """Builds model batches.

    Args:
        vision: The checkpoint's image processor.
        pad: Padding id.
        image_pad: Image placeholder id.
        positions: Rotary positions of the model.
    """

    def __init__(
        self, vision: VisionProcessor, pad: int, image_pad: int, positions: Positions
    ) -> None:
        self._vision, self._pad, self._positions = vision, pad, positions
        self.image_pad = image_pad

    def pack(self, members: Sequence[Trajectory]) -> Packed:
        """The tree of some trajectories.

        Raises:
            AlignmentError: If image placeholders and images of one differ in number.
        """
        numbers: dict[int, int] = {}
        ids, starts, symbols = [], [], []
        for t in members:
            tokens = np.array(t.ids, np.int64)
            pads = tokens == self.image_pad
            places = np.flatnonzero(pads)
            if len(places) != sum(t.image_tokens) or len(t.images) != len(t.image_tokens):
                raise AlignmentError(
                    f"{t.sample_id}: {len(places)} image placeholders for {len(t.images)} images "
                    f"of {list(t.image_tokens)} tokens."
                )
            shown = [numbers.setdefault(id(image), len(numbers)) for image in t.images]
            marks = tokens.copy()
            marks[pads] = _IMAGE + np.repeat(np.array(shown, np.int64), t.image_tokens)
            ids.append(tokens)
            starts.append(places[np.cumsum((0, *t.image_tokens), dtype=np.int64)[:-1]])
            symbols.append(marks)
        return Packed(tuple(members), tuple(ids), tuple(starts), prefix_tree(symbols))

    def plan(
        self, groups: Sequence[Sequence[Trajectory]], packing: Packing, bound: int | None
    ) -> list[list[Packed]]:
        """Shares groups out among micro-batches; rows of like size meet, so little is padding.

        Args:
            groups: Trajectories of one prompt each; none is empty.
            packing: ``"tree"``: a group is a row; ``"padded"``: a trajectory is.
            bound: Most nodes of a micro-batch of trees, padding included (a group whose tree has
                more goes in parts), or most rows of a padded one. None: no bound.
        """
        if packing == "padded":
            rows = [self.pack([t]) for group in groups for t in group]
            # Stable, and the same whatever order the groups come in.
            rows.sort(key=lambda row: (len(row.tree), row.members[0].sample_id))
            size = bound or max(1, len(rows))
            return [rows[i : i + size] for i in range(0, len(rows), size)]
        rows = [part for group in groups for part in self._parts(group, bound)]
        rows.sort(key=lambda row: len(row.tree))
        batches: list[list[Packed]] = []
        for row in rows:
            if batches and (not bound or (len(batches[-1]) + 1) * len(row.tree) <= bound):
                batches[-1].append(row)
            else:
                batches.append([row])
        return batches

    def _parts(self, members: Sequence[Trajectory], bound: int | None) -> Iterator[Packed]:
        """A group as one row, or as rows of at most `bound` nodes where that can be."""
        packed = self.pack(members)
        if not bound or len(packed.tree) <= bound or len(members) == 1:
            yield packed
            return
        # Neighbours in the order of the nodes share most.
        order = sorted(range(len(members)), key=lambda n: int(packed.tree.paths[n][-1]))
        half = len(order) // 2
        for part in (order[:half], order[half:]):
            yield from self._parts([members[n] for n in part], bound)

    def __call__(
        self, rows: Sequence[Packed], packing: Packing, cache: FeatureCache | None = None
    ) -> ModelBatch:
        """Collates rows of a micro-batch.

        Args:
            rows: From `plan`.
            packing: As there.
            cache: Features at hand: their images are not processed.

        Raises:
            AlignmentError: If image placeholders and image features differ in number.
        """
        import torch

        longest = max(len(row.tree) for row in rows)
        ids = np.full((len(rows), longest), self._pad, np.int64)
        ends = np.tile(np.arange(1, longest + 1), (len(rows), 1))
        attention, positions = np.zeros_like(ids), np.zeros((3, *ids.shape), np.int64)
        images = self._images(rows, cache)
        grids = dict(zip(map(id, images.sources), images.grid_thw.tolist(), strict=True))
        for number, row in enumerate(rows):
            tree, count = row.tree, len(row.tree)
            offsets = np.cumsum([0, *map(len, row.ids)])
            flat = offsets[tree.member] + tree.place
            ids[number, :count] = np.concatenate(row.ids)[flat]
            ends[number, :count], attention[number, :count] = tree.ends, 1
            each = [
                self._positions(tokens, [tuple(grids[id(image)]) for image in t.images])
                for tokens, t in zip(row.ids, row.members, strict=True)
            ]
            positions[:, number, :count] = np.concatenate(each, axis=1)[:, flat]
        wanted = int(((ids == self.image_pad) & (attention == 1)).sum())
        if wanted != images.tokens_shown():
            raise AlignmentError(
                f"{wanted} image placeholders for {images.tokens_shown()} image features."
            )
        return ModelBatch(
            input_ids=torch.from_numpy(ids),
            attention_mask=torch.from_numpy(attention),
            ends=torch.from_numpy(ends) if packing == "tree" else None,
            positions=torch.from_numpy(positions),
            images=images,
            **_sampled(rows, longest),
        )

    def _images(self, rows: Sequence[Packed], cache: FeatureCache | None) -> ImageBatch:
        """The images of rows, a place for each block of the trees, in the order of the nodes."""
        shown = []
        for row in rows:
            places = []
            for number, (path, starts) in enumerate(zip(row.tree.paths, row.starts, strict=True)):
                for node, image in zip(path[starts], row.members[number].images, strict=True):
                    if row.tree.member[node] == number:  # else another member's place is the same
                        places.append((int(node), image))
            shown += [image for _, image in sorted(places, key=lambda place: place[0])]
        return self._vision(shown, cache.grids() if cache is not None else None)


def _sampled(rows: Sequence[Packed], width: int) -> dict[str, Any]:
    """The tensors about sampled tokens, trajectory after trajectory in the order of the rows."""
    import torch

    flat, targets, owners, logprobs = [], [], [], []
    advantages: list[float] = []
    for number, row in enumerate(rows):
        for t, tokens, path in zip(row.members, row.ids, row.tree.paths, strict=True):
            places = np.flatnonzero(np.array(t.mask))
            flat.append(number * width + path[places - 1])
            targets.append(tokens[places])
            owners.append(np.full(len(places), len(advantages)))
            logprobs.append(np.array(t.logprobs, np.float32)[places])
            advantages.append(t.advantage or 0.0)
    members = [t for row in rows for t in row.members]
    by_turn: list[float] | None = None
    if any(t.turn_advantages is not None for t in members):
        by_turn = [a for t in members for a, count in t.credits for _ in range(count)]
    predictors, predicted = np.unique(np.concatenate(flat), return_inverse=True)
    return {
        "predictors": torch.from_numpy(predictors),
        "predicted": torch.from_numpy(predicted),
        "targets": torch.from_numpy(np.concatenate(targets)),
        "rows": torch.from_numpy(np.concatenate(owners)),
        "sampler_logp": torch.from_numpy(np.concatenate(logprobs)),
        "advantages": torch.tensor(advantages, dtype=torch.float32),
        "turn_advantages": None if by_turn is None else torch.tensor(by_turn, dtype=torch.float32),
    }
