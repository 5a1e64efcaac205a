"""What adapters of an object an episode share: one environment for the same settings, and its rows.

Some homes make a new object for every episode, by the thousand. The environment behind them is
made once; it is not stepped, so any number of conversations may be open at a time.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from vt_env import ENV_ID, ConfigError, VisionThinkEnv, open_env
from vt_env.data.load import find_sample
from vt_env.env import choose_index

_made: dict[str, VisionThinkEnv] = {}
_making = threading.Lock()


def plain(settings: Any) -> dict[str, Any]:
    """Settings that a YAML file of a home held, as plain values; Hydra's configurations too."""
    from omegaconf import OmegaConf

    if OmegaConf.is_config(settings):
        settings = OmegaConf.to_container(settings, resolve=True)
    return dict(settings or {})


def shared_env(settings: Mapping[str, Any]) -> VisionThinkEnv:
    """The environment with these settings; made at the first call with them.

    Args:
        settings: Those of `VisionThinkEnv` as plain values, such as a YAML file holds; ``id`` is
            that of a subclass that is registered with Gymnasium.

    Raises:
        ConfigError: If a setting is not plain, or cannot work.
    """
    try:
        key = json.dumps(settings, sort_keys=True)
    except TypeError as error:
        raise ConfigError(
            f"Settings of an env that is shared are plain values, as YAML has them: {error}."
        ) from error
    with _making:
        if key not in _made:
            given = dict(settings)
            _made[key] = open_env(given.pop("id", ENV_ID), **given)
        return _made[key]


def chosen_sample(env: VisionThinkEnv, row: Mapping[str, Any]) -> int:
    """Index of the sample that a row of a home's dataset means.

    Args:
        env: Whose dataset it is.
        row: Has ``sample_id``, ``index`` or both, itself or in ``extra_info``.

    Raises:
        ConfigError: If it has neither, means no sample, or the two mean different ones: then the
            rows were written from other data than the env's.
    """
    told = {**(row.get("extra_info") or {}), **row}
    index, sample_id = told.get("index"), told.get("sample_id")
    if index is None and sample_id is None:
        raise ConfigError(
            "A row must say its sample: extra_info.index or extra_info.sample_id; this one has "
            f"{', '.join(map(repr, told)) or 'nothing'}."
        )
    if index is None:
        return find_sample(env.dataset, str(sample_id))
    found = choose_index(env.dataset, np.random.default_rng(0), {"index": index})
    named = env.dataset[found].sample_id
    if sample_id is not None and named != str(sample_id):
        raise ConfigError(
            f"extra_info.index {found} of dataset {env.dataset.name!r} is {named!r}, not "
            f"{sample_id!r} as the row says: it was written from other data, or another split or "
            "seed."
        )
    return found
