"""Sentences as vectors: a small model on plain processors; a guest that knows nothing of this house.

``vocabulary.txt`` is that of Google's BERT (uncased), under the Apache License 2.0.
"""
