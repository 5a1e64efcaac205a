"""Training episodes that are kept: what was written, token by token, and what it was worth.

A line of ``rollouts.jsonl`` is an episode: the ``record`` as in ``episodes.jsonl``, and beside it
``iteration``, ``group`` and ``member`` (from 0), ``index`` (place of the sample in the training
data), ``forced`` (what the first turn was made to decide), ``refused``, ``advantage``,
``turn_advantages``, ``reward`` and ``reward_terms`` (with those of shaping and of a budget), and
``tokens``: columns ``text``, ``loss_mask``, ``logprob`` (under the sampler), ``advantage`` and
``image_tokens``, a sampled token an entry, what was given between them in one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from agents import ChatEncoder, Trajectory
from agents.rollouts import columns, pieces
from benchmarks.training.run_folder import RunFolder

Decode = Callable[[Sequence[int]], str]


@dataclass(frozen=True)
class RolloutLog:
    """Writes the episodes that are kept.

    Attributes:
        folder: Of the run.
        model_dir: The model, whose tokens they are.
    """

    folder: RunFolder
    model_dir: str

    def write(self, iteration: int, groups: Sequence[Sequence[Trajectory]]) -> None:
        """Appends the groups of an iteration, if there are any."""
        if groups:
            pad = self._encoder.image_pad
            self.folder.log_rollouts(lines(iteration, groups, self._decode, pad))

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self._encoder.tokenizer.decode(list(ids), skip_special_tokens=False))

    @cached_property
    def _encoder(self) -> ChatEncoder:
        from agents.models import load_tokenizer

        return ChatEncoder(load_tokenizer(self.model_dir))


def lines(
    iteration: int, groups: Sequence[Sequence[Trajectory]], decode: Decode, image_pad: int
) -> Iterator[str]:
    """Lines of JSON, one an episode.

    Args:
        iteration: Which one, from 1.
        groups: The episodes of each.
        decode: The text of token ids.
        image_pad: Id of the image placeholder.
    """
    numbered = [(g, m, t) for g, mine in enumerate(groups) for m, t in enumerate(mine)]
    for group, member, t in numbered:
        told = {
            "iteration": iteration,
            "group": group,
            "member": member,
            "index": t.index,
            "sample_id": t.sample_id,
            "forced": t.forced,
            "refused": t.refused,
            "advantage": t.advantage,
            "turn_advantages": t.turn_advantages,
            "reward": round(t.reward, 6),
            "reward_terms": {name: round(term, 6) for name, term in t.reward_terms.items()},
            "record": json.loads(replace(t.record, episode=member).to_line()),
            "tokens": columns(pieces(t, decode, image_pad)),
        }
        yield json.dumps(told) + "\n"
