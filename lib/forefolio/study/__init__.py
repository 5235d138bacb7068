"""A params file becomes a validated, frozen `Study`.

Enters: a flat YAML file and `--set` values. Leaves: a `Study`, whose names, types, ranges and defaults stand here alone.
Open `parameters` first.
"""
