"""`VLMModule`: the Hugging Face model as an RLlib module."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule

from agents.grpo.freezing import checkpoint_gradients, freeze, tower_is_frozen
from agents.grpo.logprobs import Readout, from_hidden, sampled_logprobs
from agents.models.chat import ChatEncoder, load_tokenizer
from agents.models.checkpoints import load_model
from agents.models.trunk import agrees, shared_trunk
from agents.models.vision import FeatureCache
from judges import load_plugins

if TYPE_CHECKING:
    import torch

    from agents.grpo.packing.batching import ModelBatch

_log = logging.getLogger(__name__)


class VLMModule(TorchRLModule):
    """A Qwen-VL policy.

    `model_config` holds ``model_dir``, ``dtype``, ``reference``, ``freeze``,
    ``gradient_checkpointing`` and ``plugins``.
    """

    def setup(self) -> None:
        """Loads the model, and a frozen copy if the loss has a KL term."""
        config = self.model_config
        load_plugins(config["plugins"])
        self.encoder = ChatEncoder(load_tokenizer(config["model_dir"]))
        self.vlm = load_model(config["model_dir"], config["dtype"])
        shared = freeze(self.vlm, config["freeze"])
        self.features = FeatureCache() if tower_is_frozen(self.vlm) else None
        """Of images under the frozen tower, until `forget`; None where the tower is trained."""
        self._reference: list[Any] = []  # a list hides it from parameters() and the state
        if config["reference"]:
            # What is not trained is the reference's too.
            same = {id(parameter): parameter for parameter in shared}
            self._reference = [copy.deepcopy(self.vlm, same).requires_grad_(False)]
        self._trunk = shared_trunk(self.vlm, *self._reference) if self._reference else None
        self._seen: ModelBatch | None = None  # of the policy's last pass
        self._compared = False  # whether shared layers have been held against a whole pass
        if config["gradient_checkpointing"]:
            checkpoint_gradients(self.vlm)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        """Moves the reference wherever the policy goes."""
        super()._apply(fn, recurse)
        for reference in self._reference:
            reference._apply(fn, recurse)
        return self

    def forward_logprobs(
        self, batch: ModelBatch, readout: Readout
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probs and entropies of the sampled tokens, (N,) each, with gradient."""
        self._seen = batch
        return sampled_logprobs(self.vlm, batch, readout, self.features)

    def reference_logprobs(self, batch: ModelBatch, readout: Readout) -> torch.Tensor | None:
        """Log-probs under the frozen initial policy, (N,); None without a KL term.

        Right after a pass of the policy over the same batch only the layers that are trained are
        computed: what is below them is shared.
        """
        import torch

        if not self._reference:
            return None
        (reference,) = self._reference
        with torch.no_grad():
            if self._trunk is None or self._seen is not batch:
                return sampled_logprobs(reference, batch, readout, self.features)[0]
            self._seen = None
            found = from_hidden(reference, self._trunk.finish(), batch, readout)[0]
            if self._compared:
                return found
            whole = sampled_logprobs(reference, batch, readout, self.features)[0]
            self._compared = True
            if not agrees(found, whole):
                self._trunk = None
                _log.warning(
                    "%s: a reference on the policy's own frozen layers gives other log-probs, so "
                    "it computes all of its layers.",
                    type(reference).__name__,
                )
            return whole

    def forget(self) -> None:
        """Drops what was kept of batches and images that are not seen again."""
        self._seen = None
        if self._trunk is not None:
            self._trunk.drop()
        if self.features is not None:
            self.features.clear()

    def get_state(self, *_args: Any, **_kwargs: Any) -> dict[str, torch.Tensor]:
        """The model's weights under their Hugging Face names, on the CPU (bfloat16 safe)."""
        return {name: t.detach().cpu().clone() for name, t in self.vlm.state_dict().items()}

    def set_state(self, state: dict[str, torch.Tensor]) -> None:
        """Loads weights; every name must match."""
        import torch

        self.vlm.load_state_dict({k: torch.as_tensor(v) for k, v in state.items()}, strict=True)
