"""A grid becomes many runs, each stage computed once.

Enters: a sweep file. Leaves: a folder with a run per point and tables over all of them. Open `run` first.
"""
