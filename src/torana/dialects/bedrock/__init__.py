"""Amazon Bedrock's dialects: Converse for conversations with any model, and what models are asked by InvokeModel.

Source: AWS's service model (botocore 1.44.5) and Bedrock's user guide.
"""

from torana.dialects.bedrock.answering import BEDROCK
from torana.dialects.bedrock.claude import CLAUDE, claude_count, claude_messages
from torana.dialects.bedrock.faults import decode_fault
from torana.dialects.bedrock.invoking import cohere_embed, rerank, titan_embed

__all__ = [
    "BEDROCK",
    "CLAUDE",
    "claude_count",
    "claude_messages",
    "cohere_embed",
    "decode_fault",
    "rerank",
    "titan_embed",
]
