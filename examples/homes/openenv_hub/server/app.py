"""The server: `uvicorn server.app:app`, or `python -m server.app --port 8000`.

Its settings are in VISIONTHINK_SETTINGS, as JSON: {"data": "rows.jsonl", "rewards": "paper"}.
"""

from __future__ import annotations

import os

from vt_env.adapters.openenv import SETTINGS, make_app, read_settings, serve

app = make_app(**read_settings(os.environ.get(SETTINGS, "")))


def main() -> None:
    serve(app)


if __name__ == "__main__":
    main()
