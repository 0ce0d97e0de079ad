"""Patchwork, the embedded engine that varies pictures: arrays in, arrays out, no weights, plain CPU."""
