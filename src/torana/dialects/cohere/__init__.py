"""Cohere's dialect, the second version of its API: conversations, embeddings, and ranking.

Source: the cohere Python client 7.3.1 and Cohere's reference.
"""

from torana.dialects.cohere.answering import COHERE
from torana.dialects.cohere.embedding import embed
from torana.dialects.cohere.faults import decode_fault
from torana.dialects.cohere.ranking import rerank

__all__ = ["COHERE", "decode_fault", "embed", "rerank"]
