"""Shared counters, on which rate limits and limits of concurrency stand: in process, or in a Valkey or Redis."""
