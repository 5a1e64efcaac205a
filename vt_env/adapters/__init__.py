"""The environment in other people's trainers and evaluations: an adapter a home, none of it heavy.

A home is imported by its own module, such as `vt_env.adapters.trl`, where its package is installed.
"""

from vt_env.adapters.chat import (
    chat_messages,
    data_url,
    png_bytes,
    read_messages,
    special_tokens,
    spelled,
)
from vt_env.adapters.conversation import Conversation

__all__ = [
    "Conversation",
    "chat_messages",
    "data_url",
    "png_bytes",
    "read_messages",
    "special_tokens",
    "spelled",
]
