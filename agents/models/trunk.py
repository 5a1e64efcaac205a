"""The frozen layers that a policy and its reference share: computed once, for both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_ALIKE = 1e-3
"""Nats by which a reference that goes on from the policy's layers may differ from a whole pass."""


class Trunk:
    """What reached the first layer that is trained, from which the reference goes on by itself.

    Args:
        own: The policy's layers and last norm, in order.
        others: The reference's.
        first: Number of the first that the two do not share.
    """

    def __init__(self, own: list[Any], others: list[Any], first: int) -> None:
        self._above = others[first:]
        self._kept: tuple[tuple[Any, ...], dict[str, Any]] | None = None
        own[first].register_forward_pre_hook(self._keep, with_kwargs=True)

    def _keep(self, _layer: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        self._kept = args, named

    def drop(self) -> None:
        """Forgets the policy's last pass."""
        self._kept = None

    def finish(self) -> torch.Tensor:
        """The reference's last hidden states for the policy's last pass, (R, T, hidden)."""
        assert self._kept is not None
        ((hidden, *rest), named), self._kept = self._kept, None
        *layers, norm = self._above
        for layer in layers:
            found = layer(hidden, *rest, **named)
            hidden = found[0] if isinstance(found, tuple) else found
        last: torch.Tensor = norm(hidden)
        return last


def shared_trunk(policy: Any, reference: Any) -> Trunk | None:
    """What two models share below the first layer that is trained; None where that is nothing.

    Args:
        policy: A model for conditional generation, whose frozen parameters have no gradient.
        reference: A copy, with the frozen parameters in common.
    """
    text: Any = getattr(policy.model, "language_model", None)
    own, others = _stages(text), _stages(getattr(reference.model, "language_model", None))
    if not own or _trained(policy.model.visual) or _trained(text.get_input_embeddings()):
        return None
    if len(set(getattr(text.config, "layer_types", None) or ("",))) > 1:
        return None  # each kind of layer is given a mask of its own
    first = next((n for n, stage in enumerate(own) if _trained(stage)), len(own) - 1)
    inner = getattr(policy.config.vision_config, "deepstack_visual_indexes", None) or ()
    # Features of inner blocks of the tower are added behind the first layers.
    return Trunk(own, others, first) if first > len(inner) else None


def agrees(found: torch.Tensor, whole: torch.Tensor) -> bool:
    """Whether log-probs from shared layers are those of a whole pass."""
    return bool((found - whole).abs().max() <= _ALIKE) if len(whole) else True


def _stages(text: Any) -> list[Any]:
    """Layers and last norm of a language model; none where it is built otherwise."""
    layers, norm = getattr(text, "layers", None), getattr(text, "norm", None)
    return [*layers, norm] if layers is not None and norm is not None else []


def _trained(module: Any) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())
