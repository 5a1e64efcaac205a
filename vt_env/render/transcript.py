"""An episode as plain text."""

from __future__ import annotations

from vt_env.episode import Episode, Message

_MAX_TEXT = 600


def transcript(episode: Episode) -> str:
    """The episode as plain text: every turn in order, then ending, tokens and reward terms."""
    lines = [f"[{episode.sample.sample_id}, family {episode.sample.family}]"]
    for message in episode.messages:
        lines.append(f"{message.role}: {flat(message)}")
    lines.append(tally(episode))
    return "\n".join(lines) + "\n"


def flat(message: Message) -> str:
    """A message on one line: its images by their size, its control characters written out."""
    parts = [
        part if isinstance(part, str) else f"<image {part.width}x{part.height}>"
        for part in message.content
    ]
    text = " ".join(parts)
    if len(text) > _MAX_TEXT:
        text = f"{text[:_MAX_TEXT]}… ({len(text)} characters)"
    # Control characters, which could take over a terminal, are written out.
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def tally(episode: Episode) -> str:
    """Ending, tokens, reward terms and faults, in a line."""
    terms = ", ".join(f"{name} {value:+.3f}" for name, value in episode.reward_terms.items())
    state = str(episode.ending) if episode.ending else f"turn {episode.turn}"
    tokens = f"{episode.visual_tokens} of {episode.full_tokens} visual tokens"
    faults = f"; faults: {', '.join(episode.problems)}" if episode.problems else ""
    return f"({state}; {tokens}; reward: {terms or 'none yet'}{faults})"
