"""``visionthink serve``: a model or an agent, served until Ctrl-C or SIGTERM."""

from __future__ import annotations

from agents import Agent, AgentError, make_backend, playable
from benchmarks.evaluation.candidates import agent_of
from benchmarks.evaluation.play import PlaySettings
from benchmarks.report.terminal import console
from benchmarks.safety.stopping import stoppable, take_over
from benchmarks.serve.agent import AgentSpeaker, Setting
from benchmarks.serve.model import ModelSpeaker
from benchmarks.serve.server import Served, served
from benchmarks.serve.settings import KEY_VARIABLE, ServeSettings
from benchmarks.serve.speakers import Speaker
from vt_env import ImageLimits, VisionThinkError, image_limits, load_template, read_checkpoint


def serve(settings: ServeSettings, port: int = 0) -> None:
    """Serves until the process is told to stop.

    Args:
        settings: Who is served, and how.
        port: Where to listen; 0: any free port.

    Raises:
        BackendError: If the model is no checkpoint that the engines can play.
        AgentError: If the agent cannot be served.
        ConfigError: If a setting cannot work, or the port is taken.
        ServerError: If the server does not start, or ends of itself.
        ImportError: If what serves is not installed; names the extra.
    """
    try:
        with stoppable(), served(settings, lambda: speaker_of(settings), port) as running:
            take_over()  # an engine may have taken a signal
            _tell(running)
            try:
                running.wait()
            except KeyboardInterrupt:
                console.print("Stopping; requests under way are finished.")
        console.print("Stopped.")
    except KeyboardInterrupt:
        console.print("Stopped at once.")


def speaker_of(settings: ServeSettings) -> Speaker:
    """Makes the speaker that settings name.

    Raises:
        BackendError: If the model is no checkpoint that the engines can play.
        AgentError: If the agent cannot be served.
        ConfigError: If a setting cannot work.
    """
    if not settings.serves_model:
        agent = agent_of(settings.agent, settings.engine, settings.most_images)
        try:
            return agent_speaker(settings, agent)
        except VisionThinkError:
            agent.close()
            raise
    engine, used = settings.engine, PlaySettings(engine=settings.engine).known()
    backend = make_backend(
        engine.backend,
        engine.model_dir,
        images=settings.most_images,
        max_model_len=used.max_model_len,
        **engine.backend_config,
    )
    found = playable(engine.model_dir)
    processor = ImageLimits(found.token_family, processor=found.processor)
    return ModelSpeaker(backend, processor, used.max_new_tokens, settings.most_images)


def agent_speaker(settings: ServeSettings, agent: Agent) -> AgentSpeaker:
    """A speaker of an agent that was made.

    Raises:
        AgentError: If it needs to see the sample, which no request holds, or to be calibrated.
        ConfigError: If a setting cannot work.
    """
    name = settings.agent.name
    if agent.wants_calibration:
        raise AgentError(
            f"The agent {name!r} has no threshold, and a server has no samples to choose it on: "
            "give the one that an evaluation has told, --agent.params.threshold."
        )
    if agent.sees_sample:
        raise AgentError(
            f"The agent {name!r} needs to see the sample with its label, which no "
            "request holds; it cannot be served."
        )
    env, model = settings.env, read_checkpoint(settings.engine.model_dir)
    limits = image_limits(model, env.token_family, env.min_pixels, env.max_pixels, env.bounds)
    template = load_template(env.prompt or model.defaults.prompt)
    return AgentSpeaker(agent, Setting(env, limits, template))


def _tell(running: Served) -> None:
    ready = f"Ready at {running.base_url}, model {running.model!r}."
    console.print(ready, markup=False, highlight=False, soft_wrap=True)
    if running.key is None:
        console.print("No key is asked for: whoever is on this machine may ask.")
    else:
        console.print(f"export {KEY_VARIABLE}={running.key}", markup=False, soft_wrap=True)
    console.print("Ctrl-C stops it.")
