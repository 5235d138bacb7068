"""A params file becomes a validated, frozen `Study`.

Enters: a flat YAML file and `--set` values. Leaves: a `Study`, the only place that defines names, types, ranges and
defaults. Open `parameters` first.
"""
