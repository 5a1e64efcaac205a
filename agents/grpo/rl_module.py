"""`VLMModule`: the Hugging Face model as an RLlib module."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule

from agents.grpo.logprobs import sampled_logprobs
from agents.models.chat import ChatEncoder, load_tokenizer
from agents.models.checkpoints import load_model
from judges import load_plugins

if TYPE_CHECKING:
    import torch

    from agents.grpo.batching import ModelBatch


class VLMModule(TorchRLModule):
    """A Qwen-VL policy.

    `model_config` holds ``model_dir``, ``dtype``, ``reference`` and ``plugins``.
    """

    def setup(self) -> None:
        """Loads the model, and a frozen copy if the loss has a KL term."""
        config = self.model_config
        load_plugins(config["plugins"])
        self.encoder = ChatEncoder(load_tokenizer(config["model_dir"]))
        self.vlm = load_model(config["model_dir"], config["dtype"])
        self._reference: list[Any] = []  # a list hides it from parameters() and the state
        if config["reference"]:
            self._reference = [copy.deepcopy(self.vlm).requires_grad_(False)]

    def forward_logprobs(self, batch: ModelBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probs and entropies of the sampled tokens, (N,) each, with gradient."""
        return sampled_logprobs(self.vlm, batch, self.encoder.image_pad, self.encoder.banned)

    def reference_logprobs(self, batch: ModelBatch) -> torch.Tensor | None:
        """Log-probs under the frozen initial policy, (N,); None without a KL term."""
        import torch

        if not self._reference:
            return None
        with torch.no_grad():
            return sampled_logprobs(
                self._reference[0], batch, self.encoder.image_pad, self.encoder.banned
            )[0]

    def _forward_train(self, batch: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        logp, entropy = self.forward_logprobs(batch["model_batch"])
        return {"logp": logp, "entropy": entropy}

    def get_state(self, *_args: Any, **_kwargs: Any) -> dict[str, torch.Tensor]:
        """The model's weights under their Hugging Face names, on the CPU (bfloat16 safe)."""
        return {name: t.detach().cpu().clone() for name, t in self.vlm.state_dict().items()}

    def set_state(self, state: dict[str, torch.Tensor]) -> None:
        """Loads weights; every name must match."""
        import torch

        self.vlm.load_state_dict({k: torch.as_tensor(v) for k, v in state.items()}, strict=True)
