"""Ray of our own: on loopback alone, in a folder of this user's alone, watched while it runs.

Ray puts the address that others reach the machine by in the place of 127.0.0.1, and then listens on
all interfaces; where it is told that there is no cluster it keeps loopback. Its folder is one that
no other user can look into, and so is the token that it asks of whoever connects.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from agents import ProcessEndedError
from agents.scratch import clear_leftovers, scratch_folder
from benchmarks.safety.stopping import take_over
from benchmarks.safety.watch import ProcessWatch
from vt_env import ConfigError

PREFIX = "vtray-"
"""What the folders of our Rays begin with."""
ROOM = 43
"""Most bytes of Ray's folder: the path of a socket has 107, and Ray's part of it takes the rest."""
KEPT_BYTES = 256 * 1024
"""Of a log that is kept, its last bytes."""
PATIENCE_S = 300
"""Seconds after which Ray ends a process that misses its GCS; 60 may not do to say what was."""
TOKENS = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


@contextmanager
def own_ray(num_cpus: int, memory: int, keep: Path | None = None) -> Iterator[ProcessWatch]:
    """A Ray instance of our own, and what watches it.

    Args:
        num_cpus: CPUs that it reckons with.
        memory: Bytes of its object store.
        keep: Folder for the log of a process that ended; None: it stays where it is until the next
            start.

    Raises:
        ProcessEndedError: If a process that it needs ends.
        ConfigError: If there is no folder for it.
    """
    base = _base()
    clear_leftovers(base, PREFIX)
    folder = scratch_folder(base, PREFIX)
    with _closed(folder):
        import ray

        failed = False
        try:
            ray.init(
                address="local",
                num_cpus=num_cpus,
                include_dashboard=False,
                object_store_memory=memory,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _node_ip_address="127.0.0.1",
                _temp_dir=str(folder / "r"),  # Ray opens it to all: the one around it is closed
                _system_config={"gcs_rpc_server_reconnect_timeout_s": PATIENCE_S},
            )
            take_over()  # Ray has taken SIGTERM
            _hush(ray._private.worker.global_worker)
            with ProcessWatch(ray._private.worker._global_node) as watch:
                yield watch
        except ProcessEndedError as ended:
            failed = keep is None
            if keep is not None and ended.log is not None:
                ended.log = keep_log(ended.log, keep)
            raise
        except Exception:
            failed = True
            raise
        finally:
            ray.shutdown()
            if not failed:  # else its logs are of use; the next start clears them
                shutil.rmtree(folder, ignore_errors=True)


def _hush(worker: Any) -> None:
    """Has Ray not print twenty lines of a log where we say in one which process ended."""
    worker.threads_stopped.set()
    worker.gcs_error_subscriber.close()


@contextmanager
def joined_ray(address: str) -> Iterator[None]:
    """The cluster at an address, which is the user's own: doors, folders and tokens are theirs."""
    import ray

    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    take_over()
    try:
        yield
    finally:
        ray.shutdown()


def given_address(address: str | None = None) -> str | None:
    """The address of the user's own cluster, as given or by ``RAY_ADDRESS``, if there is one."""
    found = address or os.environ.get("RAY_ADDRESS") or None
    return None if found == "local" else found


def keep_log(log: Path, folder: Path) -> Path:
    """Copies the end of a log, which goes with its Ray.

    Args:
        log: The file; a folder of logs stays where it is.
        folder: Where it is kept.

    Returns:
        Where it is now.
    """
    if not log.is_file():
        return log
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / log.name
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - KEPT_BYTES))
        kept.write_bytes(file.read())
    return kept


def _base() -> Path:
    """Where Ray's folder goes: where ``RAY_TMPDIR`` or ``TMPDIR`` says, if there is room.

    Raises:
        ConfigError: If the user's choice is too long for the path of a socket, or is no folder.
    """
    own = os.environ.get("RAY_TMPDIR")
    base = Path(own or os.environ.get("TMPDIR") or "/tmp").absolute()
    longest = ROOM - len(f"/{PREFIX}12345678/r")
    if own is None and (len(os.fsencode(base)) > longest or not base.is_dir()):
        return Path("/tmp")
    if len(os.fsencode(base)) > longest:
        raise ConfigError(
            f"RAY_TMPDIR: {base} is too long for the sockets of Ray, which leave {longest} bytes "
            "for it; set a shorter one, such as /tmp."
        )
    if not base.is_dir():
        raise ConfigError(f"RAY_TMPDIR: {base} is no folder; make it, or set another.")
    return base


@contextmanager
def _closed(folder: Path) -> Iterator[None]:
    """The environment in which Ray opens no door to others, for it and for all of its processes."""
    own = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # the name is of where it is 0 by default
    if not any(os.environ.get(name) for name in TOKENS):
        token = folder / "token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32), encoding="ascii")
        own["RAY_AUTH_TOKEN_PATH"] = str(token)
    with ExitStack() as undone:
        for name, value in own.items():
            undone.callback(_set, name, os.environ.get(name))
            os.environ[name] = value
        from ray._private import ray_constants

        core: Any = import_module("ray._raylet")
        before = ray_constants.ENABLE_RAY_CLUSTER
        undone.callback(setattr, ray_constants, "ENABLE_RAY_CLUSTER", before)
        ray_constants.ENABLE_RAY_CLUSTER = False  # read from the environment when it is imported
        tokens = core.AuthenticationTokenLoader.instance()
        tokens.reset_cache()  # it may have one of a session before
        undone.callback(tokens.reset_cache)
        yield


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
