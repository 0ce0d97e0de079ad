"""The dialect for clients of all other families."""

from functools import partial

from torana.dialects.anthropic.asking.encoding import encode
from torana.dialects.anthropic.decoding import MessageListener, decode
from torana.dialects.anthropic.manner import Manner
from torana.dialects.translated import Tongue


def tongue(manner: Manner) -> Tongue:
    """The dialect, in one's manner."""
    return Tongue(partial(encode, manner), decode, MessageListener)
