"""A conversation is the episode that the environment would play."""

from vt_env import make
from vt_env.adapters import Conversation

ASK = (
    '<think>unclear</think><tool_call>{"name": "resize_image", "arguments": '
    '{"action": "resize"}}</tool_call>'
)


def test_it_earns_what_the_environment_pays() -> None:
    env = make("VisionThink-v0").unwrapped
    for index in range(4):
        answer = env.dataset[index].answers[0]
        turns = [ASK] * (index % 2) + [f"<think>x</think><answer>{answer}</answer>"]
        env.reset(seed=0, options={"index": index})
        paid = [env.step(turn)[1] for turn in turns]
        talk = Conversation(env, index)
        assert [m.role for m in talk.opening] in (["system", "user"], ["user"])
        told = [talk.reply(turn) for turn in turns]
        assert told[-1] is None
        assert all(message is not None and message.role == "user" for message in told[:-1])
        assert talk.done
        assert abs(talk.reward - sum(paid)) < 1e-12
        assert sum(talk.reward_terms.values()) == talk.reward
        assert talk.metrics["correct"] == 1.0
        assert talk.metrics["requested"] == index % 2
        assert len(talk.opening) < len(talk.episode.messages)


def test_a_turn_that_was_cut_off_is_no_answer() -> None:
    talk = Conversation(make("VisionThink-v0").unwrapped, 0)
    assert talk.reply("<think>x</think><answer>yes</answer>", cut_off=True) is None
    assert (talk.metrics["correct"], talk.metrics["well_formed"]) == (0.0, 0.0)
    assert talk.episode.ending == "cut_off"
