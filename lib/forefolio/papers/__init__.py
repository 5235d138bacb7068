"""A run becomes a table of claims: each printed number of a paper beside ours.

Enters: tables of a run and the published numbers. Leaves: one row per claim, with a tolerance and a status.
Open `claims` first.
"""
