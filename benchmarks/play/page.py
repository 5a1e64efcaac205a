"""What the page is and what it is told: one static file, and the game as JSON."""

from __future__ import annotations

import base64
import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.play.score import Score
from benchmarks.play.session import Game
from benchmarks.report.terminal import metrics_cells

_FILE = Path(__file__).with_name("page.html")
_NONCE = "NONCE"


def page(nonce: str) -> bytes:
    """The page; its style and its script have the nonce, without which they do not run."""
    return _FILE.read_text(encoding="utf-8").replace(_NONCE, nonce).encode()


def policy_of(nonce: str) -> str:
    """What the page may load: its own style and script, pictures in the text, its own server."""
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


def place(game: Game, score: Score | None) -> str:
    """Where the game is; a move says which place it is for, so that none is made twice."""
    if game.look is not None:
        return f"look {game.look.number} {game.look.turn}"
    if game.told is not None:
        return f"told {game.told.number}"
    return "scoring" if score is None else "score"


def state(game: Game, score: Score | None) -> dict[str, Any]:
    """The game as the page shows it.

    Args:
        game: The game.
        score: The table, once there is one.

    Returns:
        ``place``, ``total`` and ``rules``, and one of ``look``, ``told`` and ``score``; none of
        these three while the score is computed.
    """
    shown: dict[str, Any] = {"place": place(game, score), "total": game.total, "rules": game.rules}
    if game.look is not None:
        return shown | {"look": asdict(game.look) | {"image": data_url(game.look.image)}}
    if game.told is not None:
        return shown | {"told": asdict(game.told) | {"image": data_url(game.told.image)}}
    if score is None:
        return shown
    head, rows = metrics_cells(score.rows)
    table = {"title": score.title, "head": head, "rows": rows, "notes": score.notes}
    return shown | {"score": table}


def data_url(image: Image.Image) -> str:
    """An image as the text of a PNG."""
    file = io.BytesIO()
    image.save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
