"""A grid becomes many runs, each stage computed once.

Enters: a sweep file. Leaves: a folder with a run per point and tables over all of them. Open `run` first.

Terms
-----
folder : the sweep's folder, `<outputs>/<sweep>`, with one run folder per point, on a disk that all workers see.
stage, key : a stage, and the hash of everything that its results depend on; together they name its place in the store.
state : how a task or a point ended: `done`, `up to date`, `failed`, `timed out`, `killed`, `cancelled` or `not run`.
account : state of a point, its first stage that is not done, and the error there, if any. A `StudyError` or
`StageError` is one sentence that the user can act on. It names the point if one is wrong.
"""
