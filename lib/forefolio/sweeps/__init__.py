"""A grid becomes many runs, each stage computed once.

Enters: a sweep file. Leaves: a folder with a run per point and tables over all of them. Open `run` first.

Terms
-----
folder : the sweep's, `<outputs>/<sweep>`, with a run folder per point, on a disk that all workers see.
stage, key : a stage, and the hash of all that its results depend on; together they place these in the store.
state : how a task or a point ended: `done`, `up to date`, `failed`, `timed out`, `killed`, `cancelled` or `not run`.
account : state of a point, its first stage that is not done, and what went wrong there; '' where nothing did.
A `StudyError` or `StageError` is one sentence that a user can act on, and names the point where one is wrong.
"""
