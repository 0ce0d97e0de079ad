"""Sound: texts that are spoken, and sounds that are written down."""

from torana.families.audio.listening import (
    TRANSCRIBE,
    TRANSCRIPTIONS,
    TRANSLATE,
    TRANSLATIONS,
    SoundRequest,
)
from torana.families.audio.speech import SPEAK, SPEECH, SpeechRequest

__all__ = [
    "SPEAK",
    "SPEECH",
    "TRANSCRIBE",
    "TRANSCRIPTIONS",
    "TRANSLATE",
    "TRANSLATIONS",
    "SoundRequest",
    "SpeechRequest",
]
