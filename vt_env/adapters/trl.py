"""`TrlHome`: the environment in TRL's `GRPOTrainer`, as its ``environment_factory`` (TRL 1.16).

    processor = fit_processor(AutoProcessor.from_pretrained(folder))
    home = TrlHome(vt_env.open_env(checkpoint=folder), processor, shaper="paper")
    rows = Dataset.from_list(home.rows(range(256)))
    trainer = GRPOTrainer(model, args=args, **home.parts(rows, args.num_generations))

A rollout shows what the model asks for while TRL generates. What it earned is told afterwards: the
text of every turn is played again by an `Episode`, so that format, price and verdict are those of
any other trainer. docs/homes/trl.md has the traps, which `TrlHome.parts` finds beforehand.
"""

from __future__ import annotations

import inspect
import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from types import GenericAlias
from typing import Any, cast

from judges import JudgeCase
from vt_env.adapters.chat import special_tokens, spelled
from vt_env.adapters.trl_traps import (
    TrlSetupError,
    check_response_template,
    check_rows,
    check_template,
    check_torchvision,
)
from vt_env.env import VisionThinkEnv
from vt_env.episode import Ending, Episode, Message
from vt_env.errors import ConfigError
from vt_env.samples import Sample
from vt_env.shapers import group_shaper
from vt_env.tools import Tool

TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + ('user' if message.role == 'tool' else message.role) + '\\n' }}"
    "{%- if message.content is string %}{{- message.content }}"
    "{%- elif message.content %}{%- for part in message.content %}{%- if part.type == 'image' %}"
    "{{- '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- else %}{{- part.text }}{%- endif %}{%- endfor %}{%- endif %}"
    "{%- for call in message.tool_calls or [] %}{{- '<tool_call>' + {'name': call.function.name, "
    "'arguments': call.function.arguments}|tojson + '</tool_call>' }}{%- endfor %}"
    "{{- '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
"""Qwen2.5-VL's turns, with tool calls and what tools give, which the model's own leaves out."""
KINDS: dict[str, Any] = {"string": str, "number": float, "integer": int, "boolean": bool,
                         "array": list, "object": dict}  # fmt: skip
"""JSON's types as Python's."""
RESERVED = ("reset", "get_reward")
"""Methods of an environment that TRL takes for something else than a tool."""
KEPT = 256
"""Samples whose views are kept: the episodes of a group, and their second playing, share them."""


def fit_processor(processor: Any) -> Any:
    """Makes a Qwen2.5-VL processor fit for tools: chat template, response template, padding.

    Args:
        processor: From ``AutoProcessor.from_pretrained``; it is changed.

    Returns:
        The same.
    """
    from trl.chat_template_utils import qwen3_template

    processor.chat_template = processor.tokenizer.chat_template = TEMPLATE
    processor.tokenizer.padding_side = "left"
    processor.tokenizer.response_template = qwen3_template
    return processor


class TrlHome:
    """What `GRPOTrainer` is given, for one environment.

    Args:
        env: Whose dataset, rules, rewards, words and judge hold; it is not stepped itself.
        processor: TRL's ``processing_class``, from `fit_processor` or fit for tools by itself.
        shaper: Name of a group shaper; what it adds is the reward term ``shaping``.
        shaper_params: Its parameters by name.

    Attributes:
        last: The episodes that were scored last, in the order of TRL's batch.

    Raises:
        UnknownNameError: If there is no such shaper.
        ConfigError: If a parameter cannot be, or a tool's function has a name that TRL keeps.
    """

    def __init__(
        self,
        env: VisionThinkEnv,
        processor: Any,
        *,
        shaper: str = "none",
        shaper_params: Mapping[str, Any] | None = None,
    ) -> None:
        self.env, self.processor = env, processor
        self.last: list[Episode] = []
        self._shaper = group_shaper(shaper, **(shaper_params or {}))
        if self._shaper.sign_guard:
            raise ConfigError("sign_guard works on advantages, which TRL makes by itself.")
        self._sample: Callable[[int], Sample] = lru_cache(maxsize=KEPT)(env.factory.shared)
        self._special = special_tokens(processor.tokenizer)
        self._opener, self._end = turn_marks(processor)
        self._class = rollout_class(env.factory.config.offered)

    @property
    def environment(self) -> Callable[[], Rollout]:
        """TRL's ``environment_factory``: makes a `Rollout`, with a method a tool in force."""
        return partial(self._class, self)

    def fresh(self, index: int) -> Episode:
        """An episode on a sample; what those of one sample show is made once."""
        return self.env.factory.on(self._sample(index))

    @property
    def system(self) -> str:
        """The system text, which TRL must find in the rows; empty for none."""
        factory = self.env.factory
        return factory.template.system_text(factory.config.offered)

    def rows(self, indices: Iterable[int]) -> list[dict[str, Any]]:
        """Rows of TRL's dataset.

        Args:
            indices: Samples, in the order in which they are to come (``shuffle_dataset=False``).

        Returns:
            A mapping a sample: ``prompt``, with the system text and a message of the user's that a
            rollout fills in, and ``index``.
        """
        opening = [{"role": "system", "content": self.system}] if self.system else []
        prompt = [*opening, {"role": "user", "content": ""}]
        return [{"prompt": prompt, "index": int(index)} for index in indices]

    def blocks(self, message: Message) -> list[dict[str, Any]]:
        """A message's parts as chat templates take them; special tokens in it stay text."""
        return [
            {"type": "text", "text": spelled(part, self._special)}
            if isinstance(part, str)
            else {"type": "image", "image": part}
            for part in message.content
        ]

    def check(self, dataset: Iterable[Mapping[str, Any]]) -> None:
        """Looks for all that makes a training go wrong.

        Raises:
            TorchvisionError: See `vt_env.adapters.trl_traps` for each.
            ToolTemplateError: If the chat template drops calls or images.
            ResponseTemplateError: If calls are not read back.
            SystemTextError: If a row lacks the system text.
            TrlSetupError: If a row cannot be played.
        """
        check_torchvision()
        config = self.env.factory.config
        if config.offered:
            request = self.fresh(0).forced_request
            check_template(self.processor)
            check_response_template(self.processor, request, _called(request, config.offered))
        check_rows(dataset, self.system, len(self.env.dataset))

    def parts(self, dataset: Any, num_generations: int) -> dict[str, Any]:
        """Arguments of `GRPOTrainer`, checked.

        Args:
            dataset: A ``datasets.Dataset`` of `rows`, with whatever columns beside.
            num_generations: Size of a group, as ``GRPOConfig.num_generations``.

        Returns:
            ``train_dataset``, ``reward_funcs``, ``processing_class``, ``environment_factory``.

        Raises:
            TrlSetupError: As `check`.
        """
        self.check(dataset)
        return {
            "train_dataset": dataset,
            "reward_funcs": self.reward(num_generations),
            "processing_class": self.processor,
            "environment_factory": self.environment,
        }

    def reward(self, num_generations: int) -> Callable[..., list[float | None]]:
        """The reward function: plays again what was written, judges it, shapes the groups.

        TRL logs it as ``visionthink``, and beside it means of every reward term and of what the
        episodes came to. Where the judge abstains the reward is None, which TRL leaves out.
        """

        def visionthink(
            completion_ids: Sequence[Sequence[int]],
            environments: Sequence[Rollout],
            log_metric: Callable[[str, float], object] | None = None,
            **_others: Any,
        ) -> list[float | None]:
            self.last = self._scored(completion_ids, environments, num_generations)
            if log_metric is not None:
                for name, value in means(self.last).items():
                    log_metric(f"visionthink/{name}", value)
            return [
                None if e.outcome.correct is None else float(sum(e.reward_terms.values()))
                for e in self.last
            ]

        return visionthink

    def _scored(
        self, written: Sequence[Sequence[int]], rollouts: Sequence[Rollout], each: int
    ) -> list[Episode]:
        """The episodes of a batch, finished and paid; their answers are judged all at once."""
        played = [self._replay(*pair) for pair in zip(rollouts, written, strict=True)]
        judged = [(episode, case) for episode, case in played if case is not None]
        verdicts = self.env.judge.judge([case for _, case in judged])
        for (episode, _), verdict in zip(judged, verdicts, strict=True):
            episode.settle(verdict)
        episodes = [episode for episode, _ in played]
        for start in range(0, len(episodes), each):
            if len({rollout.index for rollout in rollouts[start : start + each]}) > 1 or (
                len(episodes) % each
            ):
                raise TrlSetupError(
                    f"The rows of a group must be adjacent, num_generations ({each}) of each, and "
                    f"none may be cut: {len(episodes)} came. Make the completions of a process a "
                    "multiple of num_generations, and give TrlHome the trainer's own."
                )
            group = episodes[start : start + each]
            for episode, addend in zip(
                group, self._shaper([e.outcome for e in group]), strict=True
            ):
                if addend:
                    episode.pay({"shaping": addend})
        return episodes

    def _replay(self, rollout: Rollout, ids: Sequence[int]) -> tuple[Episode, JudgeCase | None]:
        """What a conversation came to, by our rules, and the answer to be judged.

        Where TRL showed what our protocol would not have (it carries out every call of a turn), the
        episode that was shown counts, as a malformed one: what was seen is paid for.
        """
        episode, turns, case = self.fresh(rollout.index), self._turns(ids), None
        for text, ended in turns:
            if not episode.done:
                case = episode.step(text, cut_off=not ended).case
        if episode.visual_tokens != rollout.episode.visual_tokens:
            episode, case = rollout.episode, None
            episode.well_formed = False
            episode.problems.append("other_calls")
            if not episode.done:
                case = episode.step(turns[-1][0], cut_off=not turns[-1][1]).case
        if not episode.done:  # TRL went no further
            shown = episode.turn_records[-1].tool is not None
            episode.stop(Ending.CONTEXT_LIMIT if shown else Ending.MALFORMED)
        return episode, case

    def _turns(self, ids: Sequence[int]) -> list[tuple[str, bool]]:
        """The model's own turns of a conversation, and whether each came to its end."""
        text = self.processor.tokenizer.decode(ids, skip_special_tokens=False)
        parts = text.split(self._opener)
        return [(part.split(self._end)[0], self._end in part) for part in parts]


class Rollout:
    """One rollout as TRL wants it: public methods but `reset` are tools; see `rollout_class`.

    Attributes:
        index: The sample that is played.
        episode: The episode under way.
    """

    def __init__(self, home: TrlHome) -> None:
        self._home = home

    def reset(self, index: int, **_row: Any) -> list[dict[str, Any]]:
        """Starts an episode; what it gives is added to the last message of the row."""
        self.index, self.episode = int(index), self._home.fresh(int(index))
        return self._home.blocks(self.episode.messages[-1])

    def _call(self, tool: Tool, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Carries out a call; what it raises goes to the model as an error."""
        if self.episode.done:
            raise RuntimeError("There are no turns left.")
        self.episode.step(self.episode.template.with_call(tool, arguments))
        if self.episode.done:
            raise RuntimeError("There are no turns left.")
        return self._home.blocks(self.episode.messages[-1])


def rollout_class(tools: Sequence[Tool]) -> type[Rollout]:
    """A `Rollout` with a typed method for every tool, from which TRL makes the tool's schema.

    Raises:
        ConfigError: If a function has a name that TRL keeps for itself.
    """
    for tool in tools:
        if tool.function in RESERVED or tool.function.startswith("_"):
            raise ConfigError(
                f"The function {tool.function!r} of a tool has a name that TRL keeps."
            )
    made = type("VisionThink", (Rollout,), {tool.function: _method(tool) for tool in tools})
    return cast("type[Rollout]", made)


def _method(tool: Tool) -> Callable[..., list[dict[str, Any]]]:
    """The method that calls a tool, with signature and docstring by the tool's own schema."""

    # Whatever the model gives is taken: the episode says what is wrong with it.
    def method(self: Rollout, **arguments: Any) -> list[dict[str, Any]]:
        return self._call(tool, arguments)

    schemas: Mapping[str, Any] = tool.parameters.get("properties", {})
    needed = tool.parameters.get("required", ())
    kinds = {name: _kind(schema) for name, schema in schemas.items()}
    kinds = {name: kind if name in needed else kind | None for name, kind in kinds.items()}
    lines = [f"    {name}: {_told(schema)}" for name, schema in schemas.items()]
    method.__name__ = method.__qualname__ = tool.function
    method.__doc__ = "\n".join([tool.description, "", *(["Args:", *lines] if lines else [])])
    method.__annotations__ = {**kinds, "return": list}
    named = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(
            name,
            named,
            annotation=kind,
            default=inspect.Parameter.empty if name in needed else None,
        )
        for name, kind in kinds.items()
    ]
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    method.__signature__ = inspect.Signature([first, *parameters])  # type: ignore[attr-defined]
    return method


def _kind(schema: Mapping[str, Any]) -> Any:
    kind = KINDS.get(str(schema.get("type")), str)
    inner = schema.get("items", {}).get("type")
    return GenericAlias(list, (KINDS[inner],)) if kind is list and inner in KINDS else kind


def _told(schema: Mapping[str, Any]) -> str:
    """What a docstring says of an argument, on one line."""
    said = " ".join(str(schema.get("description", "See the description.")).split())
    return f"{said} (choices: {json.dumps(schema['enum'])})" if "enum" in schema else said


def _called(request: str | None, tools: Sequence[Tool]) -> str:
    """The function that a turn calls."""
    found = (tool.function for tool in tools if f'"{tool.function}"' in (request or ""))
    return next(found, tools[0].function)


def turn_marks(processor: Any) -> tuple[str, str]:
    """What stands before each turn of the model's, and what ends it."""
    said = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    bare, asked = (
        str(processor.apply_chat_template(said, add_generation_prompt=asks, tokenize=False))
        for asks in (False, True)
    )
    return asked.removeprefix(bare), str(processor.tokenizer.eos_token)


def means(episodes: Sequence[Episode]) -> dict[str, float]:
    """What is logged of a batch: means of reward terms, and of what the episodes came to."""
    known = [e for e in episodes if e.outcome.correct is not None]
    found: dict[str, list[float]] = {
        "requested": [float(e.requested) for e in episodes],
        "share_of_full": [e.visual_tokens / e.full_tokens for e in episodes],
        "abstained": [float(e.outcome.correct is None) for e in episodes],
        "correct": [float(bool(e.outcome.correct)) for e in known],
    }
    for label, name in ((True, "requested_need"), (False, "requested_no_need")):
        found[name] = [float(e.requested) for e in episodes if e.sample.needs_high_res is label]
    for term in sorted({term for e in known for term in e.reward_terms}):
        found[f"rewards/{term}"] = [e.reward_terms.get(term, 0.0) for e in known]
    return {name: statistics.fmean(values) for name, values in found.items() if values}
