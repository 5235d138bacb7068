"""Notebooks become recorded results.

Enters: a `Study` and six notebooks. Leaves: a run folder whose manifest says what made each file. Open `contracts` first.
"""
