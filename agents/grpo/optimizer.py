"""The optimiser of the policy: AdamW with decoupled decay, a schedule, and weights of full width.

Weights of 16 bits cannot take small steps: around 0.01 two neighbours in bfloat16 lie
6e-5 apart, and a step of Adam is as long as the learning rate (1e-6). So the optimiser keeps a copy
of such weights in float32, takes its steps there, and rounds for the model (Micikevicius et al.,
2018, section 3.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from agents.grpo.schedule import check_schedule


class PolicyAdamW(torch.optim.Optimizer):
    """torch's AdamW over float32 copies of parameters of 16 bits; others are stepped themselves.

    A parameter that was changed from outside (weights that were loaded) is taken over: its copy
    follows it where rounding does not lead from one to the other.

    Args:
        parameters: What is trained.
        lr: Learning rate.
        weight_decay: Decoupled decay of parameters of two dimensions and more.
        master_weights: Whether to keep the copies.
        schedule: Given an optimiser, makes its scheduler, which is stepped with it; None: none.
    """

    def __init__(
        self,
        parameters: Iterable[torch.nn.Parameter],
        lr: float,
        *,
        weight_decay: float = 0.01,
        master_weights: bool = True,
        schedule: Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.LambdaLR]
        | None = None,
    ) -> None:
        every = list(parameters)
        decays = {True: weight_decay, False: 0.0}
        groups: list[dict[str, Any]] = [
            {"params": own, "weight_decay": decay}
            for matrix, decay in decays.items()
            if (own := [p for p in every if (p.ndim > 1) is matrix])
        ]
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay})
        self._stepped = [
            [_widened(p) if master_weights else p for p in group["params"]] for group in groups
        ]
        self._adamw = torch.optim.AdamW(
            [
                {"params": own, "weight_decay": group["weight_decay"]}
                for own, group in zip(self._stepped, groups, strict=True)
            ],
            lr=lr,
        )
        self._scheduler = schedule(self) if schedule else None

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Takes one step with the gradients of the parameters; the schedule goes on by one.

        Args:
            closure: Not taken; the gradients are there.
        """
        assert closure is None
        for outer, inner in zip(self.param_groups, self._adamw.param_groups, strict=True):
            inner["lr"] = outer["lr"]
        copies = [(p, wide) for p, wide in self._pairs() if wide is not p and p.grad is not None]
        for parameter, wide in copies:
            same = wide.to(parameter.dtype) == parameter
            wide.copy_(torch.where(same, wide, parameter.float()))
            assert parameter.grad is not None
            wide.grad = parameter.grad.float()
        self._adamw.step()
        for parameter, wide in copies:
            parameter.copy_(wide)
            wide.grad = None
        if self._scheduler is not None:
            self._scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        """AdamW's memory, the copies, and how many steps of the schedule are done."""
        pairs = enumerate(self._pairs())
        copies = {place: wide for place, (parameter, wide) in pairs if wide is not parameter}
        return {
            "state": {"adamw": self._adamw.state_dict()["state"], "copies": copies},
            "param_groups": super().state_dict()["param_groups"],
            "steps": self._scheduler.last_epoch if self._scheduler else 0,
        }

    @torch.no_grad()
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes on from what `state_dict` gave; the settings stay as they were given here."""
        groups = self._adamw.state_dict()["param_groups"]
        memory = state_dict["state"]["adamw"]
        self._adamw.load_state_dict({"state": memory, "param_groups": groups})
        pairs = list(self._pairs())
        for place, copy in state_dict["state"]["copies"].items():
            if pairs[place][1] is not pairs[place][0]:
                pairs[place][1].copy_(torch.as_tensor(copy))
        if self._scheduler is not None:
            self._scheduler.last_epoch = done = int(state_dict["steps"])
            factors = [factor(done) for factor in self._scheduler.lr_lambdas]
            bases = self._scheduler.base_lrs
            for group, base, factor in zip(self.param_groups, bases, factors, strict=True):
                group["lr"] = base * factor

    def _pairs(self) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
        """Every parameter and what is stepped for it: its copy, or itself."""
        for group, own in zip(self.param_groups, self._stepped, strict=True):
            yield from zip(group["params"], own, strict=True)


def _widened(parameter: torch.nn.Parameter) -> torch.Tensor:
    """A float32 copy of a trained parameter of 16 bits; else the parameter."""
    if parameter.dtype not in (torch.bfloat16, torch.float16) or not parameter.requires_grad:
        return parameter
    return parameter.detach().float().clone()


def register_adamw(learner: Any, module_id: str, config: Any) -> None:
    """Makes the optimiser of a module, and tells RLlib's learner.

    Args:
        learner: A `TorchLearner`.
        module_id: Which of its modules.
        config: The `GRPOConfig` of the training.
    """
    check_schedule(config)
    by_rllib = isinstance(config.lr, list)  # pairs of a step and a rate
    parameters = learner.get_parameters(learner.module[module_id])
    optimizer = PolicyAdamW(
        parameters,
        config.lr[0][1] if by_rllib else config.lr,
        weight_decay=config.weight_decay,
        master_weights=config.master_weights,
        schedule=scheduler(config),
    )
    learner.register_optimizer(
        module_id=module_id,
        optimizer=optimizer,
        params=parameters,
        lr_or_lr_schedule=config.lr if by_rllib else None,
    )


def scheduler(
    config: Any,
) -> Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.LambdaLR] | None:
    """What makes the scheduler; None where the learning rate stays as it is.

    Args:
        config: Settings by the names of `OptimizerSettings`, the end known.
    """
    from agents.models.compat import prepare_imports

    kind, warmup, end = config.lr_scheduler_type, config.warmup_steps, config.max_steps
    if kind == "constant" and not warmup:
        return None
    prepare_imports()
    from transformers import get_scheduler

    def make(optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LambdaLR:
        name = "constant_with_warmup" if kind == "constant" else kind
        scheduler: torch.optim.lr_scheduler.LambdaLR = get_scheduler(name, optimizer, warmup, end)
        return scheduler

    return make
