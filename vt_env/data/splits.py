"""Which files of a folder are which split of which configuration.

The split is told as Hugging Face's `datasets` tells it: by shards called ``train-00000-of-00004``,
by a folder called after a split, by a split's name in the file's own, and else it is ``train``.
Where that library would put different things into one split (two configurations, ``test`` and
``test-hard``), they are kept apart here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from vt_env.errors import ConfigError, UnknownNameError

SPLIT_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""Words for each split, as `datasets` has them."""
TOP = "."
"""The configuration of the files that are in no folder of one."""

_SHARD = re.compile(r"(.+?)[-_.]\d{3,6}-of-\d{3,6}(?:[-_.].*)?")
_NUMBER = re.compile(
    r"[-_. ]*\d+$|(?:^|[-_. ]+)(?:part[-_]?\d+|of|c\d{3}|snappy|zstd|gzip|lz4|"
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[a-f]*\d)[0-9a-f]{8,})$",
    re.IGNORECASE,
)
"""What tells shards apart at the end of a name: numbers, hashes, and how they are packed."""
_GENERIC = ("data",)
"""Folders that say nothing."""


@dataclass(frozen=True)
class _Told:
    """What a file's path says of it.

    Attributes:
        path: The file.
        config: The configuration's folder; `TOP` for none.
        base: Name of the split as it is written; empty where nothing names one.
        split: Which of `SPLIT_WORDS` that means; empty for none.
        sharded: Whether the name is that of one of so many shards, which is the split's own name.
        by_folder: Whether a folder names the split.
    """

    path: Path
    config: str
    base: str
    split: str
    sharded: bool = False
    by_folder: bool = False


def choose_files(
    folder: Path, files: Iterable[Path], split: str | None, config: str | None
) -> list[Path]:
    """The files of one split.

    Args:
        folder: The folder.
        files: The files of a dataset in and below it, at least one.
        split: The split; None: the only one.
        config: The configuration, a folder; None: the only one.

    Returns:
        The split's files, by name.

    Raises:
        ConfigError: If split or configuration are not told but there are several, or a file is
            called after two splits; lists what there is.
        UnknownNameError: If there is none of this name.
    """
    told = [_told(path, folder) for path in sorted(files)]
    configs = sorted({item.config for item in told})
    if config is not None and configs == [TOP]:
        raise ConfigError(
            f"config is for sources that start with 'hf:' and for folders of several "
            f"configurations; {str(folder)!r} is not one."
        )
    if config is None and len(configs) > 1:
        raise ConfigError(
            f"config must be one of {', '.join(configs)}: {folder} holds a dataset in each of them"
            f"{' (. is itself)' if TOP in configs else ''}."
        )
    if config is not None and config not in configs:
        raise UnknownNameError("configuration", config, configs)
    chosen = configs[0] if config is None else config
    parts = _parts([item for item in told if item.config == chosen])
    return [item.path for item in _pick(parts, split)]


def visible(path: Path, folder: Path) -> bool:
    """Whether neither the file nor a folder on the way to it is hidden, as `datasets` has it."""
    return not any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)


def _told(path: Path, folder: Path) -> _Told:
    inside = path.relative_to(folder)
    folders = list(inside.parts[:-1])
    stem = _stem(inside)
    shard = _SHARD.fullmatch(stem)
    base = shard[1] if shard else _without_numbers(stem)
    split = _split_in(base)
    place = _split_folder(folders)
    if split:
        exact = [name for name in folders if _word(name)]
        if any(_word(name) != split for name in exact):
            raise ConfigError(
                f"{inside} is called after two splits, {exact[-1]} and {base}; rename one."
            )
        return _Told(
            path, _config([n for n in folders if n not in exact]), base, split, bool(shard)
        )
    if place is not None:
        name = _without_numbers(folders[place]) or folders[place]
        return _Told(path, _config(folders[:place]), name, _split_in(name), by_folder=True)
    return _Told(path, _config(folders), base, "", bool(shard))


def _stem(path: PurePath) -> str:
    name = path.name.removesuffix(".gz")
    return name.rpartition(".")[0] or name


def _without_numbers(name: str) -> str:
    """A name without the numbers, hashes and the like that tell shards apart."""
    shorter = _NUMBER.sub("", name)
    while shorter != name:
        name, shorter = shorter, _NUMBER.sub("", shorter)
    return name.strip("-_. ")


def _word(name: str) -> str:
    """The split that a name is a word for; empty for none."""
    return next((split for split, words in SPLIT_WORDS.items() if name.lower() in words), "")


def _split_in(name: str) -> str:
    """The split that a name speaks of; empty where it speaks of none, or of two."""
    found = {_word(word) for word in re.split(r"[_\W\d]+", name.lower())} - {""}
    return found.pop() if len(found) == 1 else ""


def _split_folder(folders: Sequence[str]) -> int | None:
    """Which of the folders names the split: the last that is a word for one, or speaks of one."""
    for names in (_word, _split_in):
        for place in reversed(range(len(folders))):
            if names(_without_numbers(folders[place])):
                return place
    return None


def _config(folders: Sequence[str]) -> str:
    return "/".join(name for name in folders if name not in _GENERIC) or TOP


def _parts(told: Sequence[_Told]) -> dict[str, list[_Told]]:
    """The files of each split, by the name that it gets.

    A name that means a split gives it the library's name for it, ``validation`` for ``val``, unless
    another name means the same split too; the name of shards is kept as it is.
    """
    parts: dict[str, list[_Told]] = {}
    for item in told:
        rivals = {other.base.lower() for other in told if other.split == item.split}
        exact = {base for base in rivals if _word(base)}
        alone = len(rivals) == 1 or (exact == {item.base.lower()})
        named = item.base or "train"
        if item.split and alone and not item.sharded:
            named = item.split
        elif not item.base and len({other.base for other in told}) > 1:
            named = "unnamed"
        parts.setdefault(named, []).append(item)
    for name, items in parts.items():
        if len({item.by_folder for item in items}) > 1:
            raise ConfigError(
                f"split {name} is both a folder and files of that name: "
                f"{items[0].path} and {items[-1].path}; give the path of one."
            )
    return parts


def _pick(parts: dict[str, list[_Told]], split: str | None) -> list[_Told]:
    if split is None and len(parts) == 1:
        return next(iter(parts.values()))
    if split is None:
        raise ConfigError(f"split must be one of {', '.join(sorted(parts))}.")
    if split in parts:
        return parts[split]
    if (
        len(parts) == 1
        and split == "train"
        and not any(item.split for items in parts.values() for item in items)
    ):
        return next(iter(parts.values()))
    meant = [name for name, items in parts.items() if _means(split, items[0].base)]
    if len(meant) != 1:
        raise UnknownNameError("split", split, parts)
    return parts[meant[0]]


def _means(split: str, base: str) -> bool:
    """Whether a split's name is how the files call it, or another word for that."""
    return split == base or (_word(split) == _word(base) and _word(base) != "")
