"""Runs the command in this process."""

import contextlib
import io
from dataclasses import dataclass

from benchmarks.cli.commands import spell_out
from benchmarks.cli.main import app


@dataclass(frozen=True)
class Result:
    """What came of it: what was printed, and the error that `main` would tell."""

    exit_code: int
    output: str
    exception: BaseException | None = None


def invoke(*words: str) -> Result:
    printed, error, code = io.StringIO(), None, 0
    with contextlib.redirect_stdout(printed):
        try:
            app(spell_out(words), exit_on_error=False, print_error=False)
        except SystemExit as end:
            code = int(end.code or 0)
        except (Exception, KeyboardInterrupt) as raised:
            error, code = raised, 1
    return Result(code, printed.getvalue(), error)
