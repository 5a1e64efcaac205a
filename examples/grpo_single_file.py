"""GRPO in one file: a vision-language model learns when the sharper image is worth its price.

    python examples/grpo_single_file.py                    # a few minutes on two cores
    python examples/grpo_single_file.py --seed 1 --lr 2e-4

No RLlib, no vLLM, no Trainer: `transformers` writes the turns, the env shows images and pays
rewards, the loss is the pure function that `visionthink train` uses, and AdamW does the rest.
Read it from top to bottom: settings, a talk, the policy, playing, one GRPO step, main.

Letters in shapes: B talks, T tokens of the longest, N sampled tokens, V words of the vocabulary.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from agents import CHECKPOINT, BatchSize, LossConfig, TokenBatch, dapo_loss, prepare_imports
from vt_env import Dataset, Message, VisionThinkEnv, load_dataset

prepare_imports()  # lets transformers be imported beside a torch that was built for a CPU

import torch  # noqa: E402
import transformers  # noqa: E402


@dataclass(frozen=True)
class Settings:
    """Everything there is to turn; each is an option of the command line too."""

    model: str = str(CHECKPOINT)  # the shipped Qwen2.5-VL of 2.1 million parameters
    seed: int = 0
    iterations: int = 50
    questions: int = 12  # questions an iteration …
    group: int = 8  # … and how often each is played: the others of its group are the baseline
    lr: float = 4e-4
    max_new_tokens: int = 16  # of a turn
    eval_samples: int = 300  # of the validation split, before and after


@dataclass
class Talk:
    """One episode as the model reads it: what it was given, and what it wrote itself."""

    env: VisionThinkEnv
    ids: list[int] = field(default_factory=list)  # the conversation so far
    sampled: list[bool] = field(default_factory=list)  # which of them the model wrote
    logp: list[float] = field(default_factory=list)  # their log-probs when it did; else 0
    images: list[np.ndarray] = field(default_factory=list)  # (height, width, 3) each, in order
    reward: float = 0.0  # the return so far
    info: dict[str, Any] = field(default_factory=dict)  # what the env said last

    def add(self, ids: Sequence[int], logp: Sequence[float] | None = None) -> None:
        """Appends tokens: those with log-probs are the model's own, and alone are trained on."""
        self.ids += ids
        self.sampled += [logp is not None] * len(ids)
        self.logp += [0.0] * len(ids) if logp is None else logp


def chat(messages: Sequence[Message], image_tokens: int) -> str:
    """Writes messages in Qwen's chat format, and opens the model's turn.

    An image is as many placeholders as it has visual tokens; the model fills them with what its
    vision tower saw. So the length of a talk is the price of what it shows.
    """
    image = "<|vision_start|>" + "<|image_pad|>" * image_tokens + "<|vision_end|>"
    text = ""
    for message in messages:
        body = "".join(part if isinstance(part, str) else image for part in message.content)
        text += f"<|im_start|>{message.role}\n{body}<|im_end|>\n"
    return text + "<|im_start|>assistant\n"


class Policy:
    """A Qwen-VL model with its tokenizer and image processor: talks in, turns or log-probs out."""

    def __init__(self, folder: str) -> None:
        transformers.utils.logging.disable_progress_bar()
        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
        self.processor: Any = transformers.AutoImageProcessor.from_pretrained(folder)
        load = transformers.AutoModelForImageTextToText.from_pretrained
        self.model: Any = load(folder, dtype=torch.float32).eval()
        # The tower reads well already; what is to be learned is a decision, and that is the
        # language model's. A frozen tower needs no backward pass and forgets nothing.
        self.model.model.visual.requires_grad_(False)
        ids = self.tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|image_pad|>"])
        self.end, self.image = ids  # a turn's last token; what stands for an image
        # A sampled image token would stand for an image that nobody showed: never sample one.
        self.never = [i for i in self.tokenizer.all_special_ids if i != self.end]

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, nothing added."""
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def inputs(self, talks: Sequence[Talk], pad_left: bool) -> dict[str, torch.Tensor]:
        """Model inputs of B talks, padded on the left to go on, on the right to be learned from."""
        longest = max(len(talk.ids) for talk in talks)
        ids = torch.full((len(talks), longest), self.tokenizer.pad_token_id)  # (B, T)
        mask = torch.zeros_like(ids)  # (B, T)
        for row, talk in enumerate(talks):
            place = slice(longest - len(talk.ids), None) if pad_left else slice(len(talk.ids))
            ids[row, place], mask[row, place] = torch.tensor(talk.ids), 1
        images = [image for talk in talks for image in talk.images]
        pixels = self.processor(images=images, return_tensors="pt")
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "pixel_values": pixels["pixel_values"],  # (patches of all images, values of a patch)
            "image_grid_thw": pixels["image_grid_thw"],  # (images, 3)
            "mm_token_type_ids": (ids == self.image).int(),  # where positions go down and across
        }

    @torch.inference_mode()
    def write(self, talks: Sequence[Talk], max_new_tokens: int) -> list[tuple[list[int], Any]]:
        """Samples the next turn of every talk: its ids and their log-probs."""
        inputs = self.inputs(talks, pad_left=True)
        out = self.model.generate(
            **inputs,
            max_new_tokens=max_new_tokens,
            # Temperature 1 and no cut-offs: the very distribution that the learner differentiates.
            **{"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0},
            suppress_tokens=self.never,
            eos_token_id=self.end,
            pad_token_id=self.tokenizer.pad_token_id,
            return_dict_in_generate=True,
            output_scores=True,
        )
        new = out.sequences[:, inputs["input_ids"].shape[1] :]  # (B, turn)
        scores = torch.stack(out.scores, dim=1)  # (B, turn, V)
        logp = scores.log_softmax(-1).gather(-1, new[..., None])[..., 0]  # (B, turn)
        turns = []
        for ids, values in zip(new.tolist(), logp.tolist(), strict=True):
            length = ids.index(self.end) + 1 if self.end in ids else len(ids)
            turns.append((ids[:length], values[:length]))
        return turns

    def logprobs(self, talks: Sequence[Talk]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Row, log-prob (with gradient) and entropy of the N tokens that the model wrote."""
        inputs = self.inputs(talks, pad_left=False)
        sampled = torch.zeros_like(inputs["input_ids"], dtype=torch.bool)  # (B, T)
        for row, talk in enumerate(talks):
            sampled[row, : len(talk.ids)] = torch.tensor(talk.sampled)
        rows, columns = sampled.nonzero(as_tuple=True)  # (N,) each
        hidden = self.model.model(**inputs).last_hidden_state  # (B, T, width)
        # What stands before a token predicts it: logits are made of N states, not of B x T.
        logits = self.model.lm_head(hidden[rows, columns - 1])  # (N, V)
        logits[:, self.never] = -1e9  # as in sampling, or the two distributions would differ
        table = logits.log_softmax(-1)  # (N, V)
        logp = table.gather(-1, inputs["input_ids"][rows, columns][:, None])[:, 0]  # (N,)
        return rows, logp, -(table.exp() * table).sum(-1)


def play(policy: Policy, data: Dataset, indices: Sequence[int], s: Settings) -> list[Talk]:
    """Plays an episode on each sample, all side by side: the env and the model take turns."""
    talks = []
    for index in indices:
        talk = Talk(VisionThinkEnv(data, checkpoint=s.model))
        observation, talk.info = talk.env.reset(options={"index": index})
        talk.images.append(observation["image"])
        talk.add(policy.encode(chat(talk.env.episode.messages, talk.info["visual_tokens"])))
        talks.append(talk)
    live = talks
    while live:
        for talk, (ids, logp) in zip(live, policy.write(live, s.max_new_tokens), strict=True):
            talk.add(ids, logp)
            before, text = talk.info["visual_tokens"], policy.tokenizer.decode(ids)
            observation, reward, _, _, talk.info = talk.env.step(text.removesuffix("<|im_end|>"))
            talk.reward += float(reward)
            if talk.info["ending"] is None:  # it asked: the env replies with the sharp image
                shown = talk.info["visual_tokens"] - before
                talk.images += [observation["image"]] if shown else []
                # The model's own tokens stay as they were sampled. Decoded and encoded again they
                # might be others, and the learner would train on what was never said.
                close = "\n" if ids[-1] == policy.end else "<|im_end|>\n"
                talk.add(policy.encode(close + chat(talk.env.episode.messages[-1:], shown)))
        live = [talk for talk in live if talk.info["ending"] is None]
    return talks


def learn(policy: Policy, optimizer: torch.optim.Optimizer, talks: list[Talk], group: int) -> float:
    """One step of GRPO: the better talks of a group become likelier, the worse rarer."""
    returns = torch.tensor([talk.reward for talk in talks]).view(-1, group)  # (questions, group)
    # No critic: a talk is as good as it is better than its fellows on the same question. In units
    # of the group's spread a saved image weighs as much as a right answer, which pays ten times it.
    spread = returns.std(dim=1, keepdim=True)  # (questions, 1)
    advantages = ((returns - returns.mean(dim=1, keepdim=True)) / (spread + 1e-4)).view(-1)  # (B,)
    kept = advantages.abs() > 1e-6  # where all of a group did equally well there is no gradient
    if not kept.any():
        return 0.0
    batch = [talk for talk, keep in zip(talks, kept.tolist(), strict=True) if keep]
    rows, logp, entropy = policy.logprobs(batch)  # (N,) each
    said = [p for talk in batch for p, own in zip(talk.logp, talk.sampled, strict=True) if own]
    # One step a batch: the old policy is the new one, their ratio 1, and its gradient the policy
    # gradient. The clip would bind from a second step on the same talks.
    tokens = TokenBatch(logp, logp.detach(), torch.tensor(said), advantages[kept], rows, entropy)
    # DAPO's mean is over all tokens, so that a long talk counts for more than a short one.
    loss, _ = dapo_loss(tokens, BatchSize(len(batch), len(rows)), LossConfig())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(policy.model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def measure(talks: Sequence[Talk]) -> dict[str, float]:
    """The decision by need, and what it brings; visual tokens as a share of a full pass's."""
    outcomes = [talk.info["outcome"] for talk in talks]
    asked = {
        need: [outcome.requested for outcome in outcomes if outcome.needs_high_res is need]
        for need in (True, False)  # of a few questions the need is not known: they count in neither
    }
    spent = [talk.info["visual_tokens"] / talk.info["full_tokens"] for talk in talks]
    return {
        "asks when needed": float(np.mean(asked[True])) if asked[True] else float("nan"),
        "asks when not": float(np.mean(asked[False])) if asked[False] else float("nan"),
        "right": float(np.mean([bool(outcome.correct) for outcome in outcomes])),
        "tokens": float(np.mean(spent)),
        "return": float(np.mean([talk.reward for talk in talks])),
    }


def show(name: str, measured: dict[str, float]) -> dict[str, float]:
    print(f"{name:<18}" + "  ".join(f"{k} {v:.3f}" for k, v in measured.items()), flush=True)
    return measured


def main(argv: Sequence[str] | None = None) -> tuple[Policy, list[dict[str, float]]]:
    """Measures, trains, measures again; returns the policy, and the measures in that order."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for item in fields(Settings):
        name = "--" + item.name.replace("_", "-")
        parser.add_argument(name, type=type(item.default), default=item.default)
    s = Settings(**vars(parser.parse_args(argv)))
    if s.group < 2:
        parser.error("--group must be at least 2: a talk is compared with its fellows.")
    torch.manual_seed(s.seed)
    rng = np.random.default_rng(s.seed)
    policy = Policy(s.model)
    learned = [p for p in policy.model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=s.lr, weight_decay=0.0)
    train, held_out = (load_dataset("world", split=name) for name in ("train", "validation"))
    print(f"{s.iterations} iterations, and {s.eval_samples} held-out samples before and after:")
    history = [show("before", measure(play(policy, held_out, range(s.eval_samples), s)))]
    begun = time.monotonic()
    for iteration in range(1, s.iterations + 1):
        questions = rng.integers(len(train), size=s.questions)
        talks = play(policy, train, np.repeat(questions, s.group).tolist(), s)
        loss = learn(policy, optimizer, talks, s.group)
        left = (time.monotonic() - begun) / iteration * (s.iterations - iteration)
        history.append(show(f"{iteration}: {left:.0f} s left", {**measure(talks), "loss": loss}))
    history.append(show("after", measure(play(policy, held_out, range(s.eval_samples), s))))
    return policy, history


if __name__ == "__main__":
    main()
