"""A judging model on this machine: vLLM's real server with a tiny text model."""

from __future__ import annotations

import http.client
import importlib.util
import itertools
import os
import re
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from agents.models.compat import prepare_imports
from judges import LLMJudge, ServeError, check_judge
from judges.llm import server as serving
from judges.llm.server import serve
from tests.judges.contract import CASES

HEALTHY = (
    "import http.server, sys\n"
    "class H(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n"
    "        self.send_response(200 if self.path == '/health' else 404)\n"
    "        self.end_headers()\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()\n"
)
STUBBORN = (
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True)\n"
    "time.sleep(600)\n"
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "server.log"


def _start(code: str, log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def test_it_waits_until_the_server_is_well_and_stops_it(log: Path) -> None:
    port = serving._free_port()
    process = _start(HEALTHY, log, str(port))
    try:
        serving._wait_until_ready(process, port, 30.0, log)
        assert serving._healthy(port)
    finally:
        serving._stop(process)
    assert process.returncode is not None
    assert not serving._healthy(port)


def test_a_server_that_ends_is_an_error_with_its_last_words(log: Path) -> None:
    process = _start("print('no such model'); raise SystemExit(3)", log)
    with pytest.raises(ServeError, match=r"ended with 3\.\nno such model"):
        serving._wait_until_ready(process, serving._free_port(), 30.0, log)
    serving._stop(process)


def test_a_server_that_is_never_ready_is_an_error(log: Path) -> None:
    process = _start(STUBBORN, log)
    try:
        with pytest.raises(ServeError, match="not ready after 1 s"):
            serving._wait_until_ready(process, serving._free_port(), 1.0, log)
    finally:
        serving._stop(process, grace_seconds=0.5)
    assert process.returncode == -9


def test_a_server_that_ends_later_is_an_error_too(log: Path) -> None:
    process = _start("print('out of memory'); raise SystemExit(3)", log)
    server = serving.JudgeServer("http://127.0.0.1:1/v1", "k", "judge", process, log)
    with pytest.raises(ServeError, match=r"ended with 3\.\nout of memory"):
        server.wait()


def test_the_key_is_in_no_list_of_processes() -> None:
    command = serving._command("model", 1234, "judge", ["--dtype", "float32"])
    assert command[:3] == [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert "--api-key" not in command
    assert command[-2:] == ["--dtype", "float32"]


def test_without_vllm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(ServeError, match="pip install"), serve("model"):
        pass


def _status(url: str, path: str, key: str | None = None) -> int:
    """What a server answers to a GET."""
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=30.0)
    try:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _build_tiny_model(folder: Path) -> None:
    """Builds a text model of some 100,000 random weights, with a tokenizer of its own."""
    torch = pytest.importorskip("torch")
    prepare_imports()
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=512, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    prompt = Path(serving.__file__).with_name("prompts") / "reference.txt"
    bpe.train_from_iterator([prompt.read_text(encoding="utf-8")], trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        tie_word_embeddings=True,
    )
    transformers.Qwen2ForCausalLM(config).save_pretrained(folder)


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny-judge")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the libraries' own imports
        _build_tiny_model(folder)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Prepares the imports in the server and in each process that it starts."""
    root = Path(__file__).parents[3]
    code = "from agents.models.compat import prepare_imports\nprepare_imports()\n"
    (tmp_path / "sitecustomize.py").write_text(code, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(root), os.environ.get("PYTHONPATH", "")])
    return {"PYTHONPATH": path.rstrip(os.pathsep)}


@pytest.mark.slow
def test_the_real_server_judges(tiny_model: Path, environment: dict[str, str], log: Path) -> None:
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("vllm is not installed")
    arguments = ["--max-model-len", "4096", "--max-num-seqs", "8", "--enforce-eager"]
    with serve(tiny_model, extra_args=arguments, env=environment, log=log) as server:
        assert server.api_key not in repr(server)
        assert os.path.exists(f"/proc/{server.process.pid}")  # noqa: PTH110
        with server.connect(concurrency=4) as judge:
            verdicts = judge.judge(CASES * 4)
            # Random weights know nothing, but they can say nothing but a verdict.
            assert [verdict.abstained for verdict in verdicts] == [None] * 20
            assert {verdict.score for verdict in verdicts} <= {0.0, 1.0}
            assert all(verdict.usage.prompt_tokens > 100 for verdict in verdicts)
            again = judge.judge(CASES * 4)
            assert [v.score for v in again] == [v.score for v in verdicts]
        with server.connect(structured="json_schema", max_tries=1) as judge:
            # A schema leaves the white space free, and random weights may write nothing else.
            reasons = {verdict.abstained for verdict in judge.judge(CASES)}
            assert reasons <= {None, "unparsable"}
        stranger = LLMJudge(server.model, base_url=server.base_url, api_key="x", max_tries=1)
        with stranger:
            assert stranger.judge(CASES[:1])[0].abstained == "auth"
        pid, port = server.process.pid, int(server.base_url.split(":")[2].split("/")[0])
    assert not os.path.exists(f"/proc/{pid}")  # noqa: PTH110
    assert not serving._healthy(port)


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_command_serves_until_it_is_told_to_stop(
    tiny_model: Path, log: Path, sign: signal.Signals
) -> None:
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("vllm is not installed")
    psutil = pytest.importorskip("psutil")
    command = [
        sys.executable,
        "-m",
        "benchmarks.cli.main",
        "judge",
        "serve",
        "--model",
        str(tiny_model),
    ]
    arguments = ["--max-model-len", "4096", "--max-num-seqs", "8", "--enforce-eager"]
    process = subprocess.Popen(
        [*command, "--log", str(log), "--", *arguments],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    family: list[Any] = []
    try:
        said = "".join(itertools.islice(process.stdout, 3))
        url = re.search(r"http://127\.0\.0\.1:\d+/v1", said)
        key = re.search(r"OPENAI_API_KEY=(\S+)", said)
        assert url is not None, said + log.read_text()
        assert key is not None, said
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 2  # the server, and its engine
        assert not any(key[1] in " ".join(child.cmdline()) for child in family)
        with LLMJudge("judge", base_url=url[0], api_key=key[1], structured="choice") as judge:
            check_judge(judge)
            assert [verdict.abstained for verdict in judge.judge(CASES)] == [None] * len(CASES)
        for path in ("/invocations", "/tokenize", "/metrics", "/docs", "/v1/models", "/version"):
            assert _status(url[0], path) == 401, path
            assert _status(url[0], path, key="wrong") == 401, path
        assert _status(url[0], "/health") == 200
        assert _status(url[0], "/v1/models", key=key[1]) == 200
        process.send_signal(sign)
        if sign == signal.SIGKILL:  # what the command started ends by itself
            process.wait()
            _, left = psutil.wait_procs(family, timeout=60)
        else:
            rest, _ = process.communicate(timeout=120)
            assert "Stopped." in rest
            assert "Traceback" not in rest
            assert process.returncode == 0
            left = [child for child in family if child.is_running()]
        # Ended, if not yet reaped.
        assert all(child.status() == psutil.STATUS_ZOMBIE for child in left)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        for child in family:
            if child.is_running():
                child.kill()
