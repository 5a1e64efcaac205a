"""Peak memory of 512 groups of 16 episodes, two images each: ``python -m tests.agents.pixels``."""

from __future__ import annotations

import json
import resource
import sys

from agents.backends import Generation, GenerationRequest, Sampling
from agents.grpo.packing.batching import as_groups
from agents.models.chat import ChatEncoder, expand_images, load_tokenizer
from agents.rollouts.collect import collect
from agents.tiny import CHECKPOINT
from judges import make_judge
from vt_env.env import VisionThinkEnv

GROUPS, SIZE, CANVAS = 512, 16, 672


class Answers:
    """An engine that answers at once."""

    context_length = 8192

    def __init__(self) -> None:
        self.encoder = ChatEncoder(load_tokenizer(CHECKPOINT))
        text = "<think>x</think><answer>7</answer>"
        self._ids = (*self.encoder.encode(text), self.encoder.eos)

    def generate(self, requests: list[GenerationRequest], _: Sampling) -> list[Generation]:
        found = []
        for request in requests:
            counts = [image.width * image.height // 784 for image in request.images]
            prompt = expand_images(request.prompt_ids, self.encoder.image_pad, counts)
            found.append(Generation(tuple(prompt), self._ids, (-0.5,) * len(self._ids), True))
        return found


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    engine, judge = Answers(), make_judge("rule")
    factory = VisionThinkEnv(canvas=CANVAS).factory
    before = peak_bytes()
    episodes = [e for index in range(GROUPS) for e in factory.group(index, SIZE)]
    played = collect(engine, episodes, judge, Sampling(max_new_tokens=32), lambda _: "request")  # type: ignore[arg-type]
    groups = as_groups(played, SIZE)
    images = {id(image): image for t in played for image in t.images}
    told = {
        "groups": len(groups),
        "shown": sum(len(t.images) for t in played),
        "distinct": len(images),
        "pixels": sum(image.width * image.height * 3 for image in images.values()),
        "bytes": peak_bytes() - before,
    }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
