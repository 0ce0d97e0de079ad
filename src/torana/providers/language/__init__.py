"""Language at any vendor's: what each one offers as data, and one way of asking all of them."""

from torana.providers.language.declaring import language_only, speaking
from torana.providers.language.offer import ANY, Facts, Language

__all__ = ["ANY", "Facts", "Language", "language_only", "speaking"]
