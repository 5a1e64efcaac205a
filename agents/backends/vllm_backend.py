"""`VLLMBackend`: the vLLM engine, in this process on a CPU and on a GPU alike."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
import warnings
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.backends.base import BAN_BIAS, Generation, GenerationRequest, Sampling, alike
from agents.errors import BackendError
from agents.models.chat import ChatEncoder, load_tokenizer
from agents.models.checkpoints import check_weights, playable
from agents.scratch import clear_leftovers, scratch

if TYPE_CHECKING:
    import torch

_ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # one process: weights and seeds stay in our hands
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "HF_HUB_OFFLINE": "1",
}
_CPU_ENVIRONMENT = {
    "TORCHDYNAMO_DISABLE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # two engines would bind to the same core
    "VLLM_CPU_KVCACHE_SPACE": "1",
}
_CPU_ARGUMENTS: dict[str, Any] = {
    "dtype": "float32",
    "enforce_eager": True,
    "block_size": 32,  # the default of 128 never hits the prefix cache on short prompts
    "max_num_seqs": 256,
}
_REFUSED = {
    "generation_config": "the trainer differentiates the model's own distribution",
    "override_generation_config": "the trainer differentiates the model's own distribution",
    "logits_processors": "the trainer does not know of them",
    "logprobs_mode": "the trainer's log-probs are those after the ban",
}
"""Arguments of vLLM that would have it draw from another distribution than is trained, and why."""
_CPU_CACHE_BYTES = 128 * 1024**2
"""Keys and values that are kept on a CPU, unless one conversation needs more."""
SCRATCH = "visionthink-"
"""What folders of weights in memory begin with."""


class VLLMBackend:
    """Generates with an in-process vLLM engine.

    Args:
        model_dir: Hugging Face checkpoint directory.
        max_model_len: Most tokens that prompt and turn may have together; None: as the checkpoint
            has it.
        max_images: Most images a conversation may hold.
        engine: Further arguments of ``vllm.LLM``; they win over the defaults chosen here.

    Raises:
        BackendError: If the checkpoint is not whole, or an argument of the engine would have it
            sample otherwise than is trained.
        ImportError: If vLLM is not installed; names the extra.
    """

    def __init__(
        self,
        model_dir: str | Path,
        *,
        max_model_len: int | None = None,
        max_images: int = 2,
        engine: Mapping[str, Any] | None = None,
    ) -> None:
        for name in _REFUSED.keys() & (engine or {}).keys():
            raise BackendError(f"engine: {name} cannot be set: {_REFUSED[name]}.")
        path, found = Path(model_dir), playable(model_dir)
        self._tensors = check_weights(path)  # vLLM does not miss half of what it fuses
        self.context_length = max_model_len or found.defaults.max_model_len
        self.encoder = ChatEncoder(load_tokenizer(path))
        self._max_images = max_images
        self._names = ImageNames()
        clear_leftovers(_memory(), SCRATCH)
        self._engine = _start(path, self.context_length, max_images, dict(engine or {}))
        _open.append(self._engine)

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: Sampling
    ) -> list[Generation]:
        """Continues every conversation; results in the order of the requests.

        Raises:
            BackendError: If a conversation holds more images than there is room for.
        """
        if not requests:
            return []
        most = max(len(request.images) for request in requests)
        if most > self._max_images:
            raise BackendError(
                f"A conversation holds {most} images, but the engine was started for "
                f"{self._max_images}: give it max_images={most} (engine.backend_config)."
            )
        import torch

        groups = alike(requests)
        asked = [requests[places[0]] for places in groups]
        # All who are alike go the same way when nothing is drawn, so one of them is enough.
        counts = [len(places) if sampling.temperature > 0 else 1 for places in groups]
        prompts = [self._prompt(request) for request in asked]
        params = [self._params(sampling, count) for count in counts]
        # A seed a request crashes the CPU engine under concurrency; the engine draws from the
        # global generator of this process instead.
        with torch.random.fork_rng():
            torch.manual_seed(sampling.seed)
            outputs = self._engine.generate(prompts, params, use_tqdm=False)
        results: dict[int, Generation] = {}
        for places, output in zip(groups, outputs, strict=True):
            drawn = [self._result(output, one) for one in output.outputs]
            results.update(zip(places, itertools.cycle(drawn), strict=False))
        return [results[place] for place in range(len(requests))]

    def load_weights(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Hands new weights to the engine and drops its caches, which hold old activations.

        Raises:
            BackendError: If they are not all of the model's tensors.
        """
        if self._tensors is not None:
            self._tensors.check(weights)
        self._take(weights)

    def load_some(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Hands new weights of whole layers to the engine, which keeps the others.

        vLLM fuses some weights of a layer, and would fill what is missing of those at random.

        Raises:
            BackendError: If one is none of the model's.
        """
        if self._tensors is not None:
            self._tensors.check(weights, some=True)
        self._take(weights)

    def _take(self, weights: Mapping[str, torch.Tensor]) -> None:
        from safetensors.torch import save_file

        # A folder for this call alone: a process that is killed between two calls leaves nothing.
        with scratch(_memory(), SCRATCH) as folder:
            path = folder / "weights.safetensors"
            save_file({n: t.detach().to("cpu").contiguous() for n, t in weights.items()}, path)
            self._engine.collective_rpc("load_weight_file", args=(str(path),))
        self._drop_caches()

    def renew(self) -> None:
        """Leaves all as a start does: the checkpoint's weights, no cache, the same generators."""
        from vllm.utils.torch_utils import set_random_seed

        self._engine.collective_rpc("reload_weights")  # from the checkpoint
        self._drop_caches()
        set_random_seed(self._engine.llm_engine.model_config.seed)  # the last thing a start does

    def _drop_caches(self) -> None:
        self._engine.llm_engine.reset_encoder_cache()
        if not self._engine.reset_prefix_cache():
            raise BackendError("vLLM kept its prefix cache after a weight update.")
        self._engine.reset_mm_cache()

    def close(self) -> None:
        """Shuts the engine down."""
        engine, self._engine = self._engine, None
        if engine is not None:
            _end(engine)

    def _prompt(self, request: GenerationRequest) -> dict[str, Any]:
        images = list(request.images)
        return {
            "prompt_token_ids": list(request.prompt_ids),
            "multi_modal_data": {"image": images},
            "multi_modal_uuids": {"image": [self._names.of(image) for image in images]},
        }

    def _params(self, sampling: Sampling, count: int) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        return SamplingParams(
            n=count,
            temperature=sampling.temperature,
            max_tokens=sampling.max_new_tokens,
            logprobs=0,
            logit_bias=dict.fromkeys(self.encoder.banned, BAN_BIAS),
            stop_token_ids=[self.encoder.eos],
            ignore_eos=True,  # else it stops at those of generation_config.json, too
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )

    def _result(self, output: Any, one: Any) -> Generation:
        tokens = tuple(one.token_ids)
        logprobs = tuple(
            entry[token].logprob for token, entry in zip(tokens, one.logprobs, strict=True)
        )
        finished = one.finish_reason == "stop" and tokens[-1:] == (self.encoder.eos,)
        return Generation(tuple(output.prompt_token_ids), tokens, logprobs, finished)


class ImageNames:
    """Names of images, by which vLLM's caches know them; it would hash their pixels otherwise.

    An image is one object for as long as it lives, and is not changed. No name is given twice.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], str]] = {}
        self._count = itertools.count()

    def of(self, image: Any) -> str:
        """The name of an image."""
        key = id(image)
        found = self._known.get(key)
        if found is None or found[0]() is not image:
            known, name = self._known, f"image-{next(self._count)}"

            def forget(gone: weakref.ref[Any]) -> None:
                if known.get(key, (None, ""))[0] is gone:
                    del known[key]

            found = known[key] = (weakref.ref(image, forget), name)
        return found[1]

    def __len__(self) -> int:
        return len(self._known)


def _memory() -> Path:
    """A folder in memory, where there is one."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else Path(tempfile.gettempdir())


def _start(path: Path, max_model_len: int, max_images: int, engine: dict[str, Any]) -> Any:
    from agents.models.compat import is_patched, prepare_imports

    prepare_imports()
    import torch

    on_cpu = not torch.cuda.is_available()
    for name, value in {**_ENVIRONMENT, **(_CPU_ENVIRONMENT if on_cpu else {})}.items():
        os.environ.setdefault(name, value)
    try:
        from vllm import LLM
    except ModuleNotFoundError as error:
        raise ImportError(
            "The vllm backend needs vLLM: pip install -e '.[cpu]' "
            "(or '.[gpu]' on a machine with CUDA)."
        ) from error
    if is_patched():
        _inspect_in_process(path)
    arguments = {
        "max_model_len": max_model_len,
        "limit_mm_per_prompt": {"image": max_images, "video": 0},
        "worker_extension_cls": "agents.backends.vllm_worker.WeightLoader",
        "logprobs_mode": "processed_logprobs",  # after the ban, as the trainer computes them
        "generation_config": "vllm",  # not the checkpoint's
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        **(_CPU_ARGUMENTS if on_cpu else {}),
        **({"kv_cache_memory_bytes": cache_bytes(path, max_model_len)} if on_cpu else {}),
        **engine,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # vLLM looks at names that torch has deprecated
        return LLM(model=str(path), **arguments)


def cache_bytes(path: Path, tokens: int) -> int:
    """Bytes of the key-value cache on a CPU: room for one conversation of `tokens` at least."""
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    text = config.get("text_config") or config
    try:
        heads = text["num_attention_heads"]
        width = text.get("head_dim") or text["hidden_size"] // heads
        kept = text.get("num_key_value_heads") or heads
        token = int(2 * 4 * text["num_hidden_layers"] * kept * width)  # keys and values, float32
    except (KeyError, TypeError):
        return _CPU_CACHE_BYTES
    # A block more than the conversation fills, and as much again for what vLLM rounds up.
    return max(_CPU_CACHE_BYTES, token * (tokens + 64) * 11 // 10)


def _inspect_in_process(path: Path) -> None:
    """Registers the checkpoint's architecture by class.

    vLLM otherwise inspects it in a child process, which lacks this process's import patch.
    """
    from vllm import ModelRegistry

    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    for architecture in config.get("architectures", ()):
        if architecture in ModelRegistry.models:
            model_class = ModelRegistry.models[architecture].load_model_cls()
            ModelRegistry.register_model(architecture, model_class)


_open: list[Any] = []
_ended: list[Any] = []
"""Engines of this process that are used, and those that wait for the last of them to end."""


def _end(engine: Any) -> None:
    """Shuts an engine down, once no other of this process is in use.

    vLLM ends the process's parallel groups with any engine, and the others cannot go on without.
    """
    _open.remove(engine)
    _ended.append(engine)
    while _ended and not _open:
        _ended.pop().llm_engine.engine_core.shutdown()
