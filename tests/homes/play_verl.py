"""Runs in verl's environment: our agent loop, its server manager played by the embedded model."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from agents import CHECKPOINT, ChatEncoder, prepare_imports

prepare_imports()

import hydra  # noqa: E402
import torch  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402
from transformers import AutoModelForImageTextToText  # noqa: E402
from verl.experimental.agent_loop.agent_loop import (  # noqa: E402
    AgentLoopWorker,
    DictConfigWrap,
    ToolListWrap,
    _agent_loop_registry,
)
from verl.utils.dataset.rl_dataset import RLHFDataset  # noqa: E402
from verl.utils.tokenizer import hf_processor, hf_tokenizer  # noqa: E402
from verl.workers.rollout.replica import TokenOutput  # noqa: E402

from agents.models.chat import expand_images  # noqa: E402
from tests.homes.tiny_server import TinyServer  # noqa: E402
from vt_env import ConfigError  # noqa: E402
from vt_env.adapters.shared import shared_env  # noqa: E402
from vt_env.adapters.verl import check_placeholders  # noqa: E402
from vt_env.adapters.verl_rows import write_verl_rows  # noqa: E402
from vt_env.adapters.verl_tool import VisionThinkTool  # noqa: E402
from vt_env.images import tokens_of  # noqa: E402

ENV = {"data": "world", "split": "test", "checkpoint": str(CHECKPOINT)}
EPISODES = 24
SAMPLING = {"temperature": 1.0, "top_p": 1.0, "top_k": -1, "repetition_penalty": 1.0}


class Home:
    """What verl's worker holds when it makes an agent loop."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        self.tokenizer = hf_tokenizer(str(CHECKPOINT))
        self.processor = hf_processor(str(CHECKPOINT))
        model = AutoModelForImageTextToText.from_pretrained(CHECKPOINT, dtype=torch.float32)
        self.server = TinyServer(model.eval(), self.processor)
        self.encoder = ChatEncoder(self.tokenizer)
        self.env = shared_env(ENV)

    def loop(self, response_length: int = 160, server: Any = None, **told: Any) -> Any:
        """The loop, made as verl's worker makes one from ``agent_loop_config_path``."""
        lengths = {"prompt_length": 256, "response_length": response_length}
        config = OmegaConf.create({"actor_rollout_ref": {"rollout": lengths}, "data": {}})
        target = _agent_loop_registry["visionthink"]["_target_"]
        return hydra.utils.instantiate(
            config=OmegaConf.create(
                {"name": "visionthink", "_target_": target, "env": ENV, **told}
            ),
            trainer_config=DictConfigWrap(config=config),
            server_manager=server or self.server,
            tokenizer=self.tokenizer,
            processor=self.processor,
            hf_model_type="qwen2_5_vl",
            dataset_cls=RLHFDataset,
            data_config=DictConfigWrap(config.data),
            tools=ToolListWrap([]),
        )

    def rows(self, folder: Path) -> RLHFDataset:
        write_verl_rows(self.env, folder / "test.parquet", range(EPISODES), "test")
        config = OmegaConf.create(
            {"filter_overlong_prompts": False, "cache_dir": str(folder / "cache")}
        )
        path = str(folder / "test.parquet")
        return RLHFDataset(path, self.tokenizer, config, self.processor)


async def play(home: Home, rows: RLHFDataset) -> dict[str, Any]:
    """Episodes as verl plays them; each is checked against our environment and the model."""
    worst, images, endings, turns, told = 0.0, [], [], [], []
    for number in range(EPISODES):
        row = {k: v for k, v in rows[number].items() if k != "dummy_tensor"}
        assert row["agent_name"] == "visionthink"
        loop = home.loop(max_new_tokens=24)
        out = await loop.run(dict(SAMPLING), **row)
        worst = max(worst, check_episode(home, number, out))
        images.append(len(out.multi_modal_data["images"]))
        endings.append(out.extra_fields["reward_extra_info"])
        turns.append(out.num_turns)
        told.append(out.extra_fields)
        prompt = row["raw_prompt"][-1]["content"]
        assert [part["type"] for part in prompt] == ["image", "text"]
        assert prompt[0]["image"].tobytes() == out.multi_modal_data["images"][0].tobytes()
    names = {tuple(info) for info in endings}
    assert len(names) == 1, "verl takes the names of the first episode for all"
    assert all(extra["min_global_steps"] == 3 for extra in told)
    assert all(asked["max_tokens"] <= 24 for asked in home.server.asked)
    return {
        "worst": worst,
        "two_images": images.count(2),
        "one_image": images.count(1),
        "turns": sorted(set(turns)),
        "names": sorted(next(iter(names))),
        "correct": sum(info["correct"] for info in endings),
    }


def check_episode(home: Home, number: int, out: Any) -> float:
    """Tokens, mask, log-probs and images of one episode; returns the worst log-prob's error."""
    episode = home.env.new_episode(number)
    expected = home.encoder.opening(episode.messages)
    limits, encoder = home.env.factory.config.limits, home.encoder
    shown = [episode.observation.image]
    assert out.prompt_ids == expand_images(
        expected, encoder.image_pad, [tokens_of(shown[0].size, limits)]
    )
    place = 0
    while not episode.done:  # turn by turn: the policy's tokens, then what the env says
        end = place
        while end < len(out.response_mask) and out.response_mask[end] == 1:
            end += 1
        turn = out.response_ids[place:end]
        finished = turn[-1:] == [encoder.eos]
        transition = episode.step(encoder.decode(turn), cut_off=not finished)
        if transition.case is not None:
            episode.settle(home.env.judge.judge([transition.case])[0])
        place = end
        if episode.done:
            break
        ids = encoder.continuation(episode.messages[-1])
        if encoder.image_pad in ids:
            shown.append(episode.observation.image)
            ids = expand_images(ids, encoder.image_pad, [tokens_of(shown[-1].size, limits)])
        assert out.response_ids[place : place + len(ids)] == ids
        assert out.response_mask[place : place + len(ids)] == [0] * len(ids)
        place += len(ids)
    assert place == len(out.response_ids) == len(out.response_mask) == len(out.response_logprobs)
    assert [i.tobytes() for i in out.multi_modal_data["images"]] == [i.tobytes() for i in shown]
    assert out.reward_score == float(sum(episode.reward_terms.values()))
    seen = patches(home, out)
    stream = out.prompt_ids + out.response_ids
    assert stream.count(encoder.image_pad) * 4 == int(seen["image_grid_thw"].prod(-1).sum())
    logprobs = home.server.logprobs(stream, out.multi_modal_data["images"])
    ours = logprobs[len(out.prompt_ids) - 1 :]
    pairs = zip(out.response_mask, out.response_logprobs, ours, strict=True)
    return max(abs(said - found) if mine else abs(said) for mine, said, found in pairs)


def patches(home: Home, out: Any) -> dict[str, torch.Tensor]:
    """What verl's worker makes of the loop's images for the trainer."""
    worker = object.__new__(AgentLoopWorker)
    worker.processor, worker.tokenizer = home.processor, home.tokenizer
    worker.mm_processor_kwargs = {}
    ids = torch.tensor([out.prompt_ids + out.response_ids])  # (1, T)
    found: dict[str, torch.Tensor] = worker._compute_multi_modal_inputs(out, ids)
    positions = worker._compute_position_ids(ids, torch.ones_like(ids), dict(found))
    assert positions.shape[-1] == ids.shape[1]
    return found


class Scripted:
    """A server that says given texts, then nothing new."""

    def __init__(self, encoder: ChatEncoder, *turns: list[int]) -> None:
        self.encoder, self.turns = encoder, list(turns)

    async def generate(self, request_id: str, **asked: Any) -> TokenOutput:
        turn = self.turns.pop(0)[: asked["sampling_params"]["max_tokens"]]
        return TokenOutput(token_ids=turn, log_probs=[-0.5] * len(turn))


async def traps(home: Home) -> dict[str, Any]:
    """An image that `response_length` would cut, and a placeholder that the policy writes."""
    encoder, episode = home.encoder, home.env.new_episode(0)
    ask = [*encoder.encode(str(episode.forced_request)), encoder.eos]
    answer = [*encoder.encode("<think>x</think><answer>yes</answer>"), encoder.eos]
    row = {"extra_info": {"index": 0}}
    wide = await home.loop(server=Scripted(encoder, ask, answer)).run(dict(SAMPLING), **row)
    whole = len(wide.response_ids) - len(answer)
    cut = await home.loop(whole, Scripted(encoder, ask, answer)).run(dict(SAMPLING), **row)
    just = await home.loop(whole + 1, Scripted(encoder, ask, answer)).run(dict(SAMPLING), **row)
    pad = [*answer[:3], encoder.image_pad, *answer[3:]]
    forged = await home.loop(server=Scripted(encoder, pad)).run(dict(SAMPLING), **row)
    told = [out.extra_fields["reward_extra_info"] for out in (wide, cut, just, forged)]
    try:
        check_placeholders([1, 7, 7, 2, 7], 7, [2, 3])
    except ConfigError as error:
        refused = str(error)
    return {
        "cut": [info["response_length_cut_image"] for info in told],
        "placeholder": [info["sampled_placeholder"] for info in told],
        "images": [len(out.multi_modal_data["images"]) for out in (wide, cut, just, forged)],
        "lengths": [len(cut.response_ids) < whole, len(just.response_ids) == whole + 1],
        "pads": forged.response_ids.count(encoder.image_pad),
        "refused": refused,
    }


async def tool(home: Home) -> dict[str, Any]:
    """The tool by the calls that verl's tool loop makes."""
    made = VisionThinkTool({"env": ENV, "tool": "resize"}, None)
    name, _ = await made.create(create_kwargs={"index": 1})
    response, paid, metrics = await made.execute(name, {"action": "resize"})
    episode = home.env.new_episode(1)
    episode.step(str(episode.forced_request))
    alike = response.image[0].tobytes() == episode.observation.image.tobytes()
    reward = await made.calc_reward(name)
    await made.release(name)
    other, _ = await made.create(create_kwargs={"index": 1})
    refused, _, _ = await made.execute(other, {"action": "up"})
    return {
        "name": made.name,
        "alike": alike,
        "said": response.text,
        "paid": [paid, reward, float(sum(episode.reward_terms.values()))],
        "tokens": metrics["visual_tokens"] == episode.visual_tokens,
        "refused": [refused.text, refused.image is None],
    }


async def main() -> None:
    home = Home()
    with tempfile.TemporaryDirectory() as folder:
        rows = home.rows(Path(folder))
        found = {
            "play": await play(home, rows),
            "traps": await traps(home),
            "tool": await tool(home),
        }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
