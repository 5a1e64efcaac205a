"""The command as users run it: in a process of its own, with the real engine and real Ray."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib.cbook
import numpy as np
import pytest
import ray
import skimage.data
import sklearn.datasets
from PIL import Image

from agents.errors import CheckpointError
from agents.grpo.algorithm import GRPO
from agents.rollouts.metrics import FAMILY_METRICS
from benchmarks.cli.main import main
from benchmarks.training.run import without_times
from tests.agents.helpers import read_weights
from vt_env.tasks import TASKS

ROOT = Path(__file__).parents[3]
TINY_RUN = [
    *("--iterations", "4", "--run.checkpoint_every", "2", "--grpo.num_prompts", "4"),
    *("--grpo.num_generations", "4", "--eval-samples", "12", "--lr", "1e-3"),
]


def visionthink(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs the command and returns what it said."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.cli.main", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        **options,
    )


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Has the command refuse something, in this process, which has its packages already."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return said.out


def rows(run: Path) -> list[dict[str, float]]:
    """Logged metrics without the clock's."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [without_times(json.loads(line)) for line in lines]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def unbroken(runs: Path) -> Path:
    """A short training through the real command, engine and Ray."""
    done = visionthink("train", *TINY_RUN, "--out", str(runs), "--run-id", "unbroken")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Summary:" in done.stdout
    return runs / "unbroken"


def test_train_leaves_everything_it_promises(unbroken: Path) -> None:
    summary = json.loads((unbroken / "summary.json").read_text())
    three = set(FAMILY_METRICS)
    regrets = {"regret_to_oracle", "regret_to_start_oracle"}
    metrics = three | regrets | {"request_rate_need", "request_rate_no_need", "by_family"}
    assert metrics | {"seconds"} <= set(summary)
    forced = {"always_low", "always_high", "oracle", "start_oracle"}
    assert set(summary["baselines"]) == forced | {"untrained", "vanilla"}
    for baseline in summary["baselines"].values():
        assert metrics <= set(baseline)
    assert set(summary["by_family"]) <= set(TASKS)
    for family in summary["by_family"].values():
        assert three <= set(family)
    assert summary["baselines"]["always_low"]["resize_call_ratio"] == 0.0
    assert summary["baselines"]["always_high"]["resize_call_ratio"] == 1.0
    assert summary["baselines"]["vanilla"]["resize_call_ratio"] == 0.0
    assert summary["baselines"]["vanilla"]["visual_tokens/share_of_full"] == 1.0
    assert summary["baselines"]["oracle"]["regret_to_oracle"] == 0.0
    assert summary["baselines"]["start_oracle"]["regret_to_start_oracle"] == 0.0
    assert [row["iteration"] for row in rows(unbroken)] == [1, 2, 3, 4]
    with Image.open(unbroken / "training.png") as picture:
        assert picture.size[0] > 800
    assert list((unbroken / "tensorboard").glob("events.*"))
    assert len((unbroken / "episodes.jsonl").read_text().splitlines()) == 12


def test_training_changes_the_weights(unbroken: Path, checkpoint: Path) -> None:
    before, after = read_weights(checkpoint), read_weights(unbroken / "model")
    assert set(before) == set(after)
    assert any(not np.array_equal(before[name], after[name]) for name in before)


def test_the_same_seed_gives_the_same_weights_and_metrics(unbroken: Path, runs: Path) -> None:
    done = visionthink("train", *TINY_RUN, "--out", str(runs), "--run-id", "again")
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = read_weights(unbroken / "model"), read_weights(runs / "again" / "model")
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert rows(runs / "again") == rows(unbroken)


@pytest.mark.slow
def test_evaluations_during_training_change_nothing_of_it(unbroken: Path, runs: Path) -> None:
    """With the real engine too, whose caches hold what was played last."""
    more = ("--evaluation.every", "1", "--evaluation.slice", "8")
    done = visionthink("train", *TINY_RUN, *more, "--out", str(runs), "--run-id", "watched")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4/4 held out: reward" in done.stdout
    logged = rows(runs / "watched")
    assert all("eval/reward" in row for row in logged)
    plain = [{k: v for k, v in row.items() if not k.startswith("eval/")} for row in logged]
    assert plain == rows(unbroken)


def ended_by_sigterm(command: list[str], run: Path) -> str:
    """Asks a run that goes on after its second iteration to end; returns what it said."""
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while len((run / "metrics.jsonl").read_text().splitlines()) != 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGTERM)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 128 + signal.SIGTERM, said
    return said


def test_a_killed_run_resumes_to_the_same_metrics(unbroken: Path, runs: Path) -> None:
    run = runs / "killed"
    command = [sys.executable, "-m", "benchmarks.cli.main", "train", *TINY_RUN]
    process = subprocess.Popen(
        [*command, "--out", str(runs), "--run-id", "killed"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 300
        while not (run / "checkpoints" / "iteration_00002").is_dir():
            assert process.poll() is None, "the training ended before it could be killed"
            assert time.monotonic() < deadline, "no checkpoint in time"
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not (run / "summary.json").exists()
    said = ended_by_sigterm([*command[: -len(TINY_RUN)], "--resume", str(run)], run)
    told = re.search(r"Ended by SIGTERM\. Iteration ([34]) is saved\. To go on: (.*)", said)
    assert told is not None, said
    assert told[2] == f"visionthink train --resume {run}"
    assert (run / "checkpoints" / f"iteration_0000{told[1]}").is_dir()
    done = visionthink("train", "--resume", str(run))
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows(run) == rows(unbroken)
    first, second = read_weights(unbroken / "model"), read_weights(run / "model")
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        ("learner_group", "learner_group/class_and_ctor_args.pkl is missing (and"),
        ("learner_group/learner", "learner_group/learner/class_and_ctor_args.pkl is missing"),
        ("learner_group/learner/state.pkl", "learner_group/learner/state.pkl is missing"),
        (
            "learner_group/learner/rl_module/default_policy",
            "default_policy/class_and_ctor_args.pkl is missing",
        ),
        ("env_runner", "env_runner/class_and_ctor_args.pkl is missing"),
        ("algorithm_state.pkl", "algorithm_state.pkl is missing"),
        ("rllib_checkpoint.json", "rllib_checkpoint.json is missing"),
        ("manifest.json", "its manifest.json, which is written last, is missing"),
    ],
)
def test_nothing_goes_on_from_a_part_of_a_checkpoint(
    unbroken: Path, tmp_path: Path, lost: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy that broke off: told before an engine starts, in one line, by the file's name."""
    run = Path(shutil.copytree(unbroken, tmp_path / "copy"))
    (run / "summary.json").unlink()
    shutil.rmtree(run / "checkpoints" / "iteration_00002")  # else that would serve
    checkpoint = run / "checkpoints" / "iteration_00004"
    path = checkpoint / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--resume", str(run)])
    assert stopped.value.code == 2
    said = " ".join(capsys.readouterr().out.split())
    assert "CheckpointError" in said and expected.rsplit("/", maxsplit=1)[-1] in said
    assert "copy the whole folder again" in said
    for use in (GRPO.from_checkpoint, GRPO.__new__(GRPO).restore_from_path):
        with pytest.raises(CheckpointError, match=re.escape(expected)):
            use(str(checkpoint))
    assert not ray.is_initialized()


def test_resume_says_what_it_cannot_do(
    unbroken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nothing to resume" in refused(capsys, "train", "--resume", str(unbroken))
    assert "settings.json" in refused(capsys, "train", "--resume", str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--judge", "ruel"], "Did you mean 'rule'"),
        (["--judge.params", "oops"], "--judge.params"),
        (["--judge.params.api_key", "k"], "OPENAI_API_KEY"),
        (["--judge.params.anls_threshold", "high"], "anls_threshold must be a number"),
        (["--judge.params.anls_treshold", "1"], "Did you mean 'anls_threshold'"),
        (["--judge", "llm"], "needs the setting 'model'"),
        (
            ["--judge", "llm", "--judge.params.model", "m", "--judge.params.max_tries", "many"],
            "max_tries must be a whole number of at least 1, got 'many'",
        ),
        (["--grpo.max_abstention_share", "20"], "grpo.max_abstention_share must lie in [0, 1]"),
        (
            ["--grpo.shaper_params.theta", "high"],
            "grpo.shaper_params: theta must be a finite number, got 'high'",
        ),
        (["--data", "wrold"], "Did you mean 'world'"),
        (["--backend", "vlm"], "Did you mean 'vllm'"),
        (["--rewards.preset", "papr"], "Did you mean 'paper'"),
        (["--shaper", "realeased"], "Did you mean 'released'"),
        (["--env.prompt", "breif"], "Did you mean 'brief'"),
        (["--env.untagged_answer", "jugde"], "Did you mean 'judge'"),
        (["--shaper", "released", "--grpo.shaper_params.epsilom", "0"], "Did you mean 'epsilon'"),
        (
            ["--shaper", "paper", "--grpo.shaper_params.theta", "nan"],
            "theta must be a finite number, got 'nan'",
        ),
        (["--model", "nowhere"], "not a checkpoint directory"),
        (["--grpo.num_generations", "1"], "grpo.num_generations must be at least 2"),
        (["--lr", "-1"], "grpo.lr must lie between"),
        (["--grpo.loss_type", "ppo"], "loss_type"),
    ],
)
def test_bad_settings_are_told_before_training(
    arguments: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in refused(capsys, "train", "--out", str(tmp_path), *arguments)
    assert not list(tmp_path.iterdir()), "nothing may be written for a run that cannot start"


def test_every_bad_row_is_listed(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes(b"this is no picture")
    lines = [{"image": "good.png", "question": "What color?", "answer": "red"} for _ in range(1000)]
    lines[41] |= {"image": "absent.png"}
    lines[499] |= {"image": "broken.png"}
    lines[998] |= {"question": "  "}
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = visionthink("train", "--data", str(data), "--out", str(tmp_path / "runs"))
    assert done.returncode == 2
    assert "3 of 1000 rows" in done.stdout
    for line, field in ((42, "image"), (500, "image"), (999, "question")):
        assert f"data.jsonl:{line}: field '{field}'" in done.stdout
    assert not (tmp_path / "runs").exists()


def real_pictures(folder: Path) -> list[Path]:
    """Photographs, scans and plots in many modes, sizes and orientations."""
    coffee = Image.fromarray(skimage.data.coffee())
    page = Image.fromarray(skimage.data.page())
    china = Image.fromarray(sklearn.datasets.load_sample_image("china.jpg"))
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        hopper = Image.open(file).convert("RGB")
    turned = Image.Exif()
    turned[0x0112] = 6
    made = {
        "coffee.jpg": (coffee, {}),
        "page.png": (page, {}),
        "page16.tif": (Image.fromarray(skimage.data.page().astype("uint16") * 257), {}),
        "turned.jpg": (china, {"exif": turned}),
        "palette.gif": (hopper.convert("P"), {}),
        "alpha.png": (Image.fromarray(skimage.data.logo()), {}),
        "cmyk.jpg": (hopper.convert("CMYK"), {}),
        "bits.png": (page.convert("1"), {}),
        "tiny.bmp": (coffee.resize((9, 5)), {}),
        "wide.webp": (china.resize((640, 20)), {}),
    }
    paths = []
    for name, (image, options) in made.items():
        image.save(folder / name, **options)
        paths.append(folder / name)
    return paths


def test_eval_runs_over_a_persons_own_pictures(tmp_path: Path) -> None:
    pictures = real_pictures(tmp_path)
    data = tmp_path / "samples.jsonl"
    data.write_text(
        "".join(
            json.dumps({"image": p.name, "question": "What number is shown?", "answer": "7"}) + "\n"
            for p in pictures
        )
    )
    out = tmp_path / "out"
    done = visionthink("eval", "--data", str(data), "--out", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    episodes = [json.loads(line) for line in (out / "episodes.jsonl").read_text().splitlines()]
    assert len(episodes) == len(pictures)
    assert all(episode["turns"] and episode["visual_tokens"] >= 4 for episode in episodes)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["episodes"] == len(pictures)
    endings = [share for name, share in summary.items() if name.startswith("endings/")]
    assert sum(endings) == pytest.approx(1.0)


def test_help_names_every_command() -> None:
    done = visionthink("--help")
    assert done.returncode == 0
    for command in ("train", "eval", "pretrain"):
        assert command in done.stdout
