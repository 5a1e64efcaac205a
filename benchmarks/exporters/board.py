"""TensorBoard: the final held-out figures and the settings of a run, one row of its HPARAMS tab.

    tensorboard --logdir runs/sweeps/penalty

They are a file of events of their own beside those of training, in the same folder and so of the
same run. Writing them again takes the place of what was written before. No experiment is declared:
TensorBoard takes the first one it finds for all runs, and would hide what only others have set.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.exporters.told import Value

SUFFIX = ".final"
"""End of the file's name."""


def write_final(
    folder: Path, iteration: int, figures: Mapping[str, float], settings: Mapping[str, Value]
) -> Path:
    """Writes the file, whole or not at all, and removes an older one.

    Args:
        folder: The run's folder of events.
        iteration: The last one; where the figures stand.
        figures: By tag.
        settings: By path.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    draft = folder / ".draft_final"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    writer = EventFileWriter(str(draft), filename_suffix=SUFFIX)
    scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in figures.items()]
    for values in (_session(settings), scalars):
        writer.add_event(_event(Summary(value=values), iteration))
    writer.close()
    (written,) = draft.iterdir()
    before = list(folder.glob(f"events.out.tfevents.*{SUFFIX}"))
    # TensorBoard reads files in the order of their names: this one after any of the same second.
    final = written.replace(folder / re.sub(r"(tfevents\.\d+\.)", r"\1~", written.name))
    for file in before:
        if file != final:
            file.unlink()
    draft.rmdir()
    return final


def _event(summary: Any, iteration: int) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event

    return Event(wall_time=time.time(), step=iteration, summary=summary)


def _session(settings: Mapping[str, Value]) -> list[Any]:
    """What the HPARAMS tab knows a run by: that it was started with these settings, and ended."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    start = plugin_data_pb2.SessionStartInfo(start_time_secs=time.time())
    for path, value in settings.items():
        if isinstance(value, bool):
            start.hparams[path].bool_value = value
        elif isinstance(value, int | float):
            start.hparams[path].number_value = value
        else:
            start.hparams[path].string_value = value
    end = plugin_data_pb2.SessionEndInfo(
        status=api_pb2.STATUS_SUCCESS, end_time_secs=start.start_time_secs
    )
    told = {
        metadata.SESSION_START_INFO_TAG: {"session_start_info": start},
        metadata.SESSION_END_INFO_TAG: {"session_end_info": end},
    }
    return [
        Summary.Value(
            tag=tag,
            metadata=metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(**data)),
            tensor=metadata.NULL_TENSOR,
        )
        for tag, data in told.items()
    ]
