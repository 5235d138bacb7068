"""Notebooks become recorded results.

Enters: a `Study` and seven notebooks. Leaves: a run folder whose manifest says what made each file. Open `contracts` first.
"""
