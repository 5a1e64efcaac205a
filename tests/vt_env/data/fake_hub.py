"""A Hugging Face hub on the loopback interface: one dataset repository, served from a folder."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlparse

REPOSITORY = "someone/receipts"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Handler(BaseHTTPRequestHandler):
    """Answers what `datasets` asks a hub for: repository info, listings, files."""

    root: Path

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(urlparse(self.path).path)
        api, files = f"/api/datasets/{REPOSITORY}", f"/datasets/{REPOSITORY}/resolve/"
        if path.startswith(f"{api}/tree/"):
            self._list(path.removeprefix(f"{api}/tree/").partition("/")[2])
        elif path.startswith(files):
            self._file(path.removeprefix(files).partition("/")[2])
        elif path == api or path.startswith(f"{api}/revision/"):
            self._json({"id": REPOSITORY, "sha": COMMIT, "private": False, "siblings": []})
        else:
            self._missing("RepoNotFound")

    do_GET = do_HEAD = do_POST = _answer  # noqa: N815 (the names that http.server looks for)

    def _list(self, folder: str) -> None:
        base = self.root / folder
        if not base.is_dir():
            return self._missing("EntryNotFound")
        entries = []
        for path in sorted(base.iterdir()):
            kind = "file" if path.is_file() else "directory"
            name = path.relative_to(self.root).as_posix()
            size = path.stat().st_size if path.is_file() else 0
            entries.append({"type": kind, "path": name, "size": size, "oid": COMMIT})
        return self._json(entries)

    def _file(self, name: str) -> None:
        path = self.root / name
        if not path.is_file():
            return self._missing("EntryNotFound")
        data = path.read_bytes()
        tag = hashlib.sha256(data).hexdigest()
        return self._send(200, data, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT})

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _missing(self, code: str) -> None:
        self._send(404, b"", {"X-Error-Code": code})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def serve(root: Path) -> Iterator[str]:
    """Serves a folder as the repository `REPOSITORY`; gives the address for ``HF_ENDPOINT``."""
    handler = type("Handler", (_Handler,), {"root": root})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
