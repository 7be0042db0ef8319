"""Benchmarks: `python -m tests.bench`, one table with ours and the peers side by side.

Each measured thing runs in a process of its own (`measuring`), so that its CPU seconds and its peak
memory are its own. Files of this folder are light, since they run in the process that measures;
what is measured lies in `work`, one module a contender, so that no one pays for another's imports.
"""
