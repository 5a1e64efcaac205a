"""lmms-eval's command where torch is a CPU build and torchvision is not.

    python examples/homes/lmms_eval/run.py --model visionthink --tasks visionthink_world …

The same as ``python -m lmms_eval …``; but for `prepare_imports`, torchvision would be refused as it
is imported ("operator torchvision::nms does not exist").
"""

from __future__ import annotations

import runpy

from agents import prepare_imports

if __name__ == "__main__":
    prepare_imports()
    runpy.run_module("lmms_eval", run_name="__main__", alter_sys=True)
