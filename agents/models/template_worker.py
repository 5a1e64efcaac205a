"""The child process of `agents.models.templates`: renders a chat template that may never end.

Run as a script, never imported: it reads a template and conversations as JSON, and writes how long
the longest text was. Its limits on processor time and memory are set before anything is compiled,
for a template can be endless when it is compiled, too. The environment is that of transformers.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment


class _Generation(Extension):
    """The tag that marks what an assistant wrote; here it marks nothing."""

    tags = {"generation"}  # noqa: RUF012 - as the base class has it

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), True), lineno=line)


def _refuse(message: object) -> None:
    raise TemplateError(str(message))


def main() -> None:
    """Renders every conversation, with and without the start of the next turn."""
    asked: dict[str, Any] = json.load(sys.stdin)
    seconds, memory = asked["seconds"], asked["memory"]
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = lambda value, **_: json.dumps(value)
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = str
    longest = 0
    try:
        template = environment.from_string(asked["template"])
        for messages in asked["conversations"]:
            for opens in (True, False):
                given = {**asked["tokens"], "messages": messages, "add_generation_prompt": opens}
                try:
                    text = template.render(tools=None, documents=None, **given)
                    longest = max(longest, len(text))
                except (TemplateError, TypeError, ValueError, LookupError, ArithmeticError):
                    continue  # not every template takes every conversation
    except MemoryError:
        longest = -1
    except Exception as error:  # what is no template; whoever renders it will say so
        sys.stderr.write(repr(error))
    sys.stdout.write(json.dumps(longest))


if __name__ == "__main__":
    main()
