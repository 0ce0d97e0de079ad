"""Sniffing and bounding pictures by their headers, without decoding them."""

from torana.media.probe.sniff import inspect, probe

__all__ = ["inspect", "probe"]
