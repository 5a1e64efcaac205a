"""Commands from trees of settings: `command` makes one of a dataclass and a function.

Options, help, `--config`, `--print-settings` and shell completion all come from the fields; a new
setting is a field and nothing here. The words are taken apart by cyclopts. Of the libraries that
make commands of typed fields it alone has what is wanted here at once: names with dots for nested
groups, tables with keys of one's own (``--judge.params.model m``), subcommands, completion for
four shells, suggestions for misspelt options, and it brings rich, which prints our tables. (tyro
takes a table as pairs of words and prints errors itself; jsonargparse needs YAML, has no short
names for nested fields, and leaves completion to a second package.) What a word means is read by
`vt_env.settings.tree` as in settings files, so that every way in has the same errors.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Group, Parameter, Token

from judges import VisionThinkError
from vt_env import ConfigError
from vt_env.data import quoted
from vt_env.settings.tree import (
    Leaf,
    build,
    given,
    leaves,
    nearest,
    read_entry,
    read_file,
    read_words,
    to_json,
)

SHORT = {
    "plugins": "plugin",
    "run.seed": "seed",
    "run.iterations": "iterations",
    "run.until": "until",
    "run.stop_on_collapse": "stop-on-collapse",
    "engine.model_dir": "model",
    "engine.backend": "backend",
    "data.name": "data",
    "data.split": "split",
    "world.canvas": "canvas",
    "judge.name": "judge",
    "agent.name": "agent",
    "grpo.lr": "lr",
    "sft.lr": "lr",
    "grpo.shaper": "shaper",
    "evaluation.samples": "eval-samples",
}
"""The settings that are used most, by their short names."""
_OWN = Group("options", sort_key=0)
_ROOT = Path(__file__).parents[2]
_METAVARS: dict[type, str] = {
    int: "INT",
    float: "FLOAT",
    Path: "PATH",
    tuple: "LIST",
    str: "TEXT",
    dict: "NAME=VALUE",
}
_CAPITALS = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)", re.DOTALL)
_Action = Callable[..., None]
TREES: dict[str, type] = {}
"""The tree of each command that has one, by the command's words."""
OPTIONS: dict[str, tuple[str, ...]] = {}
"""Options of each such command beside the settings of its tree."""


def command(
    app: App, tree: type, words: str, positional: str | None = None
) -> Callable[[_Action], _Action]:
    """Makes a command of a tree of settings and a function that is called with the tree.

    Args:
        app: Where the command goes.
        tree: The dataclass at the root.
        words: The command's words, such as ``"data check"``.
        positional: Path of the setting that is given without a name.

    Returns:
        A decorator; further parameters of the function are options of the command's own, but for
        ``given``: the settings that the user gave, by path.
    """
    TREES[words] = tree

    def make(action: _Action) -> _Action:
        known = {leaf.path: leaf for leaf in leaves(tree)}
        asked = list(inspect.signature(action, eval_str=True).parameters.values())[1:]
        own = [item for item in asked if item.name != "given"]
        OPTIONS[words] = tuple(item.name for item in (*own, *_COMMON))

        def run(*places, **words):  # type: ignore[no-untyped-def]
            words |= dict(zip(placed, places, strict=False))
            if "path" in placed and positional:
                words[positional] = words.pop("path")
            options = {item.name: words.pop(item.name) for item in own if item.name in words}
            config, shown = words.pop("config", None), words.pop("print_settings", False)
            values = {name.replace("__", "."): value for name, value in words.items()}
            layers = [_from_file(tree, config)] if config else []
            layers.append(_read(values, known))
            settings: Any = build(tree, *layers)
            if len(own) < len(asked):
                options["given"] = _by_path(tree, layers)
            if shown:
                print(to_json(settings))
            else:
                action(settings, **options)

        run.__doc__, run.__name__ = action.__doc__, action.__name__
        parameters = [*own, *_COMMON]
        groups: dict[str, Group] = {}
        for leaf in known.values():
            name = leaf.path.rpartition(".")[0]
            group = groups.setdefault(name, Group(name or "settings", sort_key=len(groups) + 1))
            parameters.append(_parameter(leaf, group, leaf.path == positional))
        parameters.sort(key=lambda item: item.kind)
        placed = [item.name for item in parameters if item.kind is not item.KEYWORD_ONLY]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        app.command(run, name=words.rsplit(maxsplit=1)[-1])
        return action

    return make


def _from_file(tree: type, path: Path) -> Mapping[str, Any]:
    """A file's settings, every one checked by itself.

    Raises:
        ConfigError: Naming file and setting.
    """
    values = read_file(path)
    try:
        given(tree, values)
    except VisionThinkError as error:
        raise ConfigError(f"{path}: {error}") from error
    return values


def _by_path(tree: type, layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What layers say, by path; what is given later wins."""
    told = (item for layer in layers for item in given(tree, layer).items())
    return {path.replace("#", "."): value for path, value in told}


def _read(values: Mapping[str, Any], known: Mapping[str, Leaf]) -> dict[str, Any]:
    """What the words that were given say, by path."""
    found: dict[str, Any] = {}
    for path, words in values.items():
        kind = known[path].kind
        if kind.base is dict:
            found |= {
                f"{path}.{key}": read_entry(word, kind) for key, word in _entries(path, words)
            }
        elif kind.base is tuple:
            found[path] = read_words(",".join(words), kind)
        else:
            found[path] = read_words(words, kind) if isinstance(words, str) else words
    return found


def _entries(path: str, words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names and values of a table's entries, each written ``name=value``."""
    for word in words:
        name, sign, value = word.partition("=")
        if not name or not sign:
            raise ConfigError(f"{path} is a table: --{path}.NAME VALUE, got {quoted(word)}.")
        yield name, value


def _parameter(leaf: Leaf, group: Group, positional: bool) -> inspect.Parameter:
    """The option of a setting."""
    base = leaf.kind.base
    # Text as yet, and None where nothing is given: once pydantic is loaded cyclopts compares the
    # value with the type.
    hint: Any = {dict: list[str], tuple: list[str], bool: bool}.get(base, str)
    converter = None if base in (dict, tuple, bool) else _first
    about = Parameter(
        name=option_names(leaf.path),
        help=leaf.help,
        group=group,
        show_default=lambda _: told(leaf.default),
        converter=converter,
        negative=() if base is not bool else None,
        metavar=_METAVARS.get(base),
    )
    if positional:
        annotation = Annotated[str, Parameter(name="PATH", help=leaf.help)]
        return inspect.Parameter("path", inspect.Parameter.POSITIONAL_ONLY, annotation=annotation)
    name, place = leaf.path.replace(".", "__"), inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, place, default=None, annotation=Annotated[hint | None, about])


def option_names(path: str) -> tuple[str, ...]:
    """Names of the option of a setting: its path, and the short one if it has one."""
    short = (f"--{SHORT[path]}",) if path in SHORT else ()
    return (f"--{path}", *short)


def _first(_hint: Any, tokens: Sequence[Token]) -> str:
    return tokens[0].value


def told(value: Any) -> str:
    """A default as help and docs show it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none of them"
    return str(value).removeprefix(f"{_ROOT}/") if value not in ({}, None) else "none"


def option(text: str) -> Parameter:
    """What is said of an option that a command has beside its settings."""
    return Parameter(help=text, group=_OWN, negative=())


def _common(name: str, hint: Any, default: Any, text: str) -> inspect.Parameter:
    annotation, kind = Annotated[hint, option(text)], inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


_COMMON = (
    _common("config", Path | None, None, "Settings from a TOML file; options win over it."),
    _common("print_settings", bool, False, "Print all settings as JSON and exit."),
)


def spell_out(words: Sequence[str]) -> list[str]:
    """Turns what the parser of options does not know into options.

    Settings in capitals, as `make` has them: ``LR=1e-4`` is ``--lr=1e-4``. Entries of tables:
    ``--judge.params.model m`` is ``--judge.params=model=m``.

    Args:
        words: The words of a command line.

    Raises:
        ConfigError: If there is no such setting (suggests the nearest), or an entry has no value.
    """
    name = next((name for name in (" ".join(words[:2]), *words[:1]) if name in TREES), None)
    if name is None:
        return list(words)
    known = leaves(TREES[name])
    named = capitals(known) | {_capital(option): option for option in OPTIONS[name]}
    tables = [leaf.path for leaf in known if leaf.kind.base is dict]
    left, spelt = iter(words), []
    for word in left:
        table = next((path for path in tables if word.startswith(f"--{path}.")), None)
        if table is not None:
            entry = word.removeprefix(f"--{table}.")
            value = entry if "=" in entry else f"{entry}={next(left, '')}"
            if value.endswith("=") and value != entry:
                raise ConfigError(f"{word} needs a value.")
            spelt.append(f"--{table}={value}")
        elif found := _CAPITALS.fullmatch(word):
            spelt.append(_from_capitals(found[1], found[2], named, tables))
        else:
            spelt.append(word)
    return spelt


def _from_capitals(name: str, value: str, named: Mapping[str, str], tables: Sequence[str]) -> str:
    """The option that a setting in capitals is; ``JUDGE_PARAMS_MODEL`` is an entry of a table."""
    if name in named:
        return f"--{named[name]}={value}"
    for table in tables:
        if name.startswith(f"{_capital(table)}_"):
            entry = name.removeprefix(f"{_capital(table)}_").lower()
            return f"--{table}={entry}={value}"
    raise ConfigError(f"There is no setting {name}.{nearest(name, named)}")


def capitals(known: Iterable[Leaf]) -> dict[str, str]:
    """Settings by their names in capitals: ``REWARDS_PRICE``, and ``LR`` for a short one."""
    named: dict[str, str] = {}
    for leaf in known:
        for name in (leaf.path, SHORT.get(leaf.path, leaf.path)):
            named[_capital(name)] = leaf.path
    return named


def _capital(name: str) -> str:
    return name.upper().replace(".", "_").replace("-", "_")
