"""Runs in OpenEnv's environment: plays against servers, and prints what it found as JSON."""

import base64
import io
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from openenv import GenericEnvClient
from openenv.core.env_server.serialization import serialize_observation
from PIL import Image

from vt_env import VisionThinkEnv
from vt_env.adapters.gymnasium_json import from_json, to_json
from vt_env.adapters.openenv import Served, Turn, VisionThinkServer, read_settings
from vt_env.adapters.openenv_gymnasium import (
    GymnasiumServer,
    action_class,
    observation_class,
)

ASK = (
    '<think>unclear</think><tool_call>{"name": "resize_image", "arguments": '
    '{"action": "resize"}}</tool_call>'
)
SPLITS = ("train", "validation", "test", "generalisation")


def pixels(address: str) -> Any:
    return np.array(Image.open(io.BytesIO(base64.b64decode(address.split(",", 1)[1]))))


def turns(number: int, answer: str) -> list[str]:
    say = f"<think>x</think><answer>{answer}</answer>"
    plays = ([say], [ASK, say], ["just words"], [ASK, ASK], [ASK.replace("resize_", "x_"), say])
    return plays[number % len(plays)]


def compared(seen: Any, shown: dict[str, Any], info: dict[str, Any], reward: Any) -> list[str]:
    """Names of what is not as the local env has it."""
    told = {**seen.observation, "reward": seen.reward, "done": seen.done}
    wanted = {
        **{key: shown[key] for key in ("question", "feedback", "turn", "visual_tokens")},
        **{key: info[key] for key in ("full_tokens", "requested", "well_formed", "reward_terms")},
        "problems": list(info["problems"]),
        "ending": info["ending"],
        "answer": info["answer"],
        "reward": reward,
        "done": info["ending"] is not None,
    }
    wrong = [key for key, value in wanted.items() if told[key] != value]
    return wrong + ["image"] * (not np.array_equal(pixels(told["image"]), shown["image"]))


def parity(url: str) -> dict[str, Any]:
    """A hundred episodes here and there."""
    local = {split: VisionThinkEnv(split=split) for split in SPLITS}
    wrong: list[str] = []
    steps, endings = 0, set()
    with GenericEnvClient(base_url=url).sync() as client:
        for number in range(100):
            split = SPLITS[number % 4]
            env = local[split]
            if number < 80:  # chosen by its index, or drawn by the seed
                seen = client.reset(split=split, index=number)
                shown, info = env.reset(seed=number, options={"index": number})
            else:
                seen = client.reset(split=split, seed=number)
                shown, info = env.reset(seed=number)
            wrong += compared(seen, shown, info, None)
            for text in turns(number, env.dataset[info["index"]].answers[0]):
                seen = client.step({"text": text})
                shown, reward, _, _, info = env.step(text)
                wrong += compared(seen, shown, info, reward)
                steps += 1
            endings.add(seen.observation["ending"])
            place = client.state()
            if (place["index"], place["split"]) != (info["index"], split):
                wrong.append("state")
    return {"steps": steps, "wrong": wrong, "endings": sorted(endings)}


def dialogue(url: str) -> dict[str, Any]:
    """What a conversation gains, two sessions at once, and what is refused."""
    with (
        GenericEnvClient(base_url=url).sync() as one,
        GenericEnvClient(base_url=url).sync() as two,
    ):
        first = one.reset(split="test", index=1).observation["messages"]
        two.reset(split="test", index=2)
        asked = one.step({"text": ASK}).observation["messages"]
        ids = [client.state()["sample_id"] for client in (one, two)]
        refused = {
            "split": told(lambda: two.reset(split="tset")),
            "index": told(lambda: two.reset(split="test", index=10**9)),
            "option": told(lambda: two.reset(indx=3)),
            "action": told(lambda: two.step({"txt": "x"})),
        }
        alive = two.step({"text": "<answer>yes</answer>"}).done
        refused["over"] = told(lambda: two.step({"text": ASK}))
    return {"first": first, "asked": asked, "ids": ids, "refused": refused, "alive": alive}


def told(act: Callable[[], object]) -> str:
    try:
        act()
    except Exception as error:
        return str(error)
    return ""


def ask(url: str, path: str, **body: Any) -> Any:
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"})
    try:
        return json.loads(urllib.request.urlopen(request).read())
    except urllib.error.HTTPError as error:
        return error.code


def tasks(url: str) -> dict[str, Any]:
    route = f"{url}/visionthink"
    return {
        "splits": [split["name"] for split in ask(route, "/splits")],
        "num_tasks": ask(route, "/num_tasks", split="test"),
        "task": ask(route, "/task", split="test", index=7),
        "range": ask(route, "/task_range", split="test", start=5, stop=8),
        "beyond": ask(route, "/task", split="test", index=-1),
        "too_many": ask(route, "/task_range", split="train", start=0),
        "no_split": ask(route, "/num_tasks", split="tset"),
    }


def settings() -> dict[str, Any]:
    """What a server is told."""
    rows = VisionThinkServer(Served(data="world", splits=["test"], seed=3, rewards="paper"))
    rows.reset(index=5)
    terms = rows.step(Turn(text=turns(0, "x")[0])).reward_terms
    return {
        "own": [rows.list_splits(), rows.state.sample_id],
        "terms": sorted(terms),
        "read": read_settings('{"data": "rows.jsonl"}'),
        "empty": read_settings(""),
        "wrong": [
            told(lambda: read_settings("{")),
            told(lambda: read_settings("[1]")),
            told(lambda: Served(split="test")),
            told(lambda: Served(splits=[])),
            told(lambda: Served(splits="test")),
            told(lambda: Served(rewrds="paper").env("train")),
        ],
    }


def remote_gymnasium(url: str, env_id: str) -> dict[str, Any]:
    """Episodes of another environment through the general importer, over the socket."""
    env = gymnasium.make(env_id)
    env.action_space.seed(0)
    wrong, steps = 0, 0
    with GenericEnvClient(base_url=url).sync() as client:
        for seed in range(5):
            there = client.reset(seed=seed)
            here, info = env.reset(seed=seed)
            over, reward = False, None
            while True:
                wrong += there.observation["value"] != to_json(env.observation_space, here)
                wrong += (there.reward, there.done) != (reward, over)
                wrong += there.observation["info"].keys() != info.keys()
                if over:
                    break
                action = env.action_space.sample()
                there = client.step({"value": to_json(env.action_space, action)})
                here, reward, terminated, truncated, info = env.step(action)
                over = terminated or truncated
                steps += 1
        refused = told(lambda: client.step({"value": "left"}))
    return {"steps": steps, "wrong": wrong, "refused": refused, "schema": ask(url, "/schema")}


def session_of(env_id: str, **settings: Any) -> dict[str, Any]:
    """One episode of the importer's session, through what is sent, beside the local one."""
    here = gymnasium.make(env_id, **settings)
    acts, views = action_class(here.action_space), observation_class(here.observation_space)
    session = GymnasiumServer(lambda: gymnasium.make(env_id, **settings), views)
    here.action_space.seed(1)
    there, (shown, _) = session.reset(seed=1), here.reset(seed=1)
    wrong, over, steps = 0, False, 0
    while True:
        sent = json.loads(json.dumps(serialize_observation(there), allow_nan=False))
        back = from_json(here.observation_space, sent["observation"]["value"])
        wrong += not here.observation_space.contains(back)  # a whole number may be numpy's or not
        wrong += to_json(here.observation_space, back) != to_json(here.observation_space, shown)
        wrong += sent["done"] != over
        if over or steps == 30:
            break
        action = here.action_space.sample()
        sent = json.loads(json.dumps({"value": to_json(here.action_space, action)}))
        there = session.step(acts.model_validate(sent))
        shown, reward, terminated, truncated, _ = here.step(action)
        wrong += there.reward != float(reward)
        over, steps = terminated or truncated, steps + 1
    session.close()
    return {"steps": steps, "wrong": wrong}


def main(ours: str, other: str, env_id: str) -> None:
    found = {
        "parity": parity(ours),
        "dialogue": dialogue(ours),
        "tasks": tasks(ours),
        "settings": settings(),
        "remote": remote_gymnasium(other, env_id),
        "text": session_of("vt_env:VisionThink-v0"),
        "discrete": session_of("vt_env:VisionThinkDiscrete-v0"),
        "cartpole": session_of("CartPole-v1"),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
