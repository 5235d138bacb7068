"""Notebooks become recorded results.

Enters: a `Study`, seven notebooks, and that of a paper it names. Leaves: a run folder whose manifest says what made
each file. Open `contracts` first.
"""
