"""Engines that outlive a piece of work, for a process that goes on with the next one.

    with kept_engine():
        ...  # an engine that is closed here is kept, for the next such block of this process

Outside such a block an engine is closed when it is said to be. A block takes the engine that the
one before it left, if it asks for the very same; what fails in a block leaves none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from agents.backends.base import (
    Generation,
    GenerationBackend,
    GenerationRequest,
    LoadsSome,
    Sampling,
)
from agents.models.chat import ChatEncoder

if TYPE_CHECKING:
    import torch


@runtime_checkable
class Renewable(GenerationBackend, Protocol):
    """An engine that can be kept."""

    def renew(self) -> None:
        """Leaves all as a start does: the checkpoint's weights, no cache, the same generators."""
        ...


@dataclass(frozen=True)
class Recipe:
    """What an engine is made of; those of equal recipes are alike.

    Attributes:
        factory: What makes it.
        files: Path, size and time of change of each file of its checkpoint.
        arguments: The others, as text.
    """

    factory: Callable[..., GenerationBackend]
    files: tuple[tuple[str, int, int], ...]
    arguments: str

    @classmethod
    def of(
        cls,
        factory: Callable[..., GenerationBackend],
        model_dir: str | Path,
        arguments: Mapping[str, Any],
    ) -> Recipe:
        """That of ``factory(model_dir, **arguments)``."""
        found = [(str(file), file.stat()) for file in sorted(Path(model_dir).resolve().glob("*"))]
        files = tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)
        return cls(factory, files, json.dumps(arguments, sort_keys=True, default=repr))


@dataclass
class _Keeper:
    """The engine of this process that waits, if there is one, and whether a block is open."""

    waiting: tuple[Recipe, Renewable] | None = None
    is_open: bool = False

    def take(self, recipe: Recipe) -> Renewable | None:
        """The engine that waits, as new, if it is of this recipe; else it is closed."""
        if self.waiting is None or self.waiting[0] != recipe:
            self.drop()
            return None
        self.waiting[1].renew()  # one that cannot be is still ours, and is dropped with the block
        (_, engine), self.waiting = self.waiting, None
        return engine

    def put(self, recipe: Recipe, engine: Renewable) -> None:
        self.drop()
        self.waiting = (recipe, engine)

    def drop(self) -> None:
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            waiting[1].close()


_keeper = _Keeper()


@contextmanager
def kept_engine() -> Iterator[None]:
    """Within, `make_backend` takes the engine that was kept, and keeps the last that is closed.

    The process is to be one that does such work and nothing else; blocks are not nested.
    """
    _keeper.is_open = True
    try:
        yield
    except BaseException:
        _keeper.drop()
        raise
    finally:
        _keeper.is_open = False


def drop_engine() -> None:
    """Closes the engine that is kept, if there is one."""
    _keeper.drop()


def kept_or_made(
    factory: Callable[..., GenerationBackend], model_dir: str | Path, arguments: Mapping[str, Any]
) -> GenerationBackend:
    """The engine of ``factory(model_dir, **arguments)``: a new one, but in a `kept_engine` block.

    There it is the one that was kept, if that is the same; and it is kept when it is closed.
    """
    if not _keeper.is_open:
        return factory(model_dir, **arguments)
    recipe = Recipe.of(factory, model_dir, arguments)
    engine = _keeper.take(recipe) or factory(model_dir, **arguments)
    if not isinstance(engine, Renewable):
        return engine
    return (_LentLoadsSome if isinstance(engine, LoadsSome) else _Lent)(recipe, engine)


class _Lent:
    """An engine that goes to the keeper when it is closed; to its end, where no block is open."""

    def __init__(self, recipe: Recipe, engine: Renewable) -> None:
        self._recipe, self._lent = recipe, engine
        self._is_closed = False

    @property
    def encoder(self) -> ChatEncoder:
        return self._lent.encoder

    @property
    def context_length(self) -> int:
        return self._lent.context_length

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: Sampling
    ) -> list[Generation]:
        return self._engine().generate(requests, sampling)

    def load_weights(self, weights: Mapping[str, torch.Tensor]) -> None:
        self._engine().load_weights(weights)

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if _keeper.is_open:
            _keeper.put(self._recipe, self._lent)
        else:
            self._lent.close()

    def _engine(self) -> Renewable:
        assert not self._is_closed, "the engine is closed, and may be another's"
        return self._lent


class _LentLoadsSome(_Lent):
    """One that can take some layers alone."""

    def load_some(self, weights: Mapping[str, torch.Tensor]) -> None:
        engine = self._engine()
        assert isinstance(engine, LoadsSome)
        engine.load_some(weights)
