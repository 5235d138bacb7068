"""Files: a file is whole or not there; whoever appends to a ledger, no line of it is lost, mixed or believed half."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forefolio import files

WRITER = """
import sys
from pathlib import Path
from pathlib import Path
from forefolio import files
folder, name = Path(sys.argv[1]), sys.argv[2]
(folder / f"{name}.ready").touch()
sys.stdin.readline()
for number in range(200):
    files.append_to_ledger(folder, files.ledger_line(started=0.0, worker=name, number=number, long=name * (1 + number * 50)))
"""


def numbered(number: int, **more: str) -> dict:
    """A line that can be told from others."""
    return files.ledger_line(started=0.0, number=number, **more)


def numbers(folder) -> list[int]:
    return [entry["number"] for entry in files.read_ledger(folder)]


def test_two_processes_append_without_loss_or_mixing(tmp_path):
    """200 lines each, of one to ten thousand letters, begun at the same moment."""
    writers = {name: subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name], stdin=subprocess.PIPE, text=True)
               for name in ("a", "b")}
    while not all((tmp_path / f"{name}.ready").exists() or process.poll() is not None for name, process in writers.items()):
        pass
    for process in writers.values():
        process.stdin.write("go\n")
        process.stdin.close()
    assert [process.wait() for process in writers.values()] == [0, 0]
    lines = (tmp_path / "ledger.jsonl").read_text().splitlines()
    assert len(lines) == 400 and files.read_ledger(tmp_path) == [json.loads(line) for line in lines]
    for name in writers:
        own = [entry for entry in files.read_ledger(tmp_path) if entry["worker"] == name]
        assert [entry["number"] for entry in own] == list(range(200)), "in order"
        assert all(entry["long"] == name * (1 + entry["number"] * 50) for entry in own)


def test_a_torn_line_is_skipped_and_the_next_stands_on_its_own(tmp_path):
    files.append_to_ledger(tmp_path, numbered(1))
    files.append_to_ledger(tmp_path, numbered(2, error="a long story"))
    whole = (tmp_path / "ledger.jsonl").read_bytes()
    (tmp_path / "ledger.jsonl").write_bytes(whole[:-10])
    assert numbers(tmp_path) == [1]
    files.append_to_ledger(tmp_path, numbered(3))
    files.append_to_ledger(tmp_path, numbered(4))
    assert numbers(tmp_path) == [1, 3, 4]
    assert (tmp_path / "ledger.jsonl").read_bytes().startswith(whole[:-10] + b"\n"), "nothing is rewritten"


def test_a_line_that_lacks_only_its_end_counts_and_the_next_does_not_stick_to_it(tmp_path):
    files.append_to_ledger(tmp_path, numbered(1))
    (tmp_path / "ledger.jsonl").write_bytes((tmp_path / "ledger.jsonl").read_bytes().rstrip(b"\n"))
    files.append_to_ledger(tmp_path, numbered(2))
    assert numbers(tmp_path) == [1, 2]
    assert (tmp_path / "ledger.jsonl").read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("strange", [
    b"null", b"7", b"[]", b'"done"', b"{}", b'["stage", "state", "seconds", "error"]', b'{"stage": "01_data", "state": "done"}',
    b"", b"a note", b"\xff\xfe\x00", b'{"stage": "caf\xe9"', b"\x00" * 40])
def test_a_line_that_is_none_of_ours_is_skipped(strange, tmp_path):
    files.append_to_ledger(tmp_path, numbered(1))
    with open(tmp_path / "ledger.jsonl", "ab") as written:
        written.write(strange + b"\n")
    files.append_to_ledger(tmp_path, numbered(2))
    assert numbers(tmp_path) == [1, 2]


def test_a_line_of_ours_that_lacks_a_key_is_skipped_whichever_it_is(tmp_path):
    for number, key in enumerate(("stage", "state", "seconds", "error")):
        files.append_to_ledger(tmp_path, {name: value for name, value in numbered(number).items() if name != key})
    assert files.read_ledger(tmp_path) == []


def test_letters_that_are_no_utf_8_in_a_line_of_ours_cost_only_themselves(tmp_path):
    whole = json.dumps(numbered(1, point="caf?")).encode().replace(b"caf?", b"caf\xe9")
    (tmp_path / "ledger.jsonl").write_bytes(whole + b"\n")
    (entry,) = files.read_ledger(tmp_path)
    assert entry["number"] == 1 and entry["point"] == "caf\N{REPLACEMENT CHARACTER}"


def test_whole_lines_leave_no_empty_ones(tmp_path):
    for number in range(3):
        files.append_to_ledger(tmp_path, {"number": number})
    assert (tmp_path / "ledger.jsonl").read_text() == '{"number": 0}\n{"number": 1}\n{"number": 2}\n'


def test_an_error_of_many_lines_and_signs_stays_one_line(tmp_path):
    error = "first\nsecond\r\n\N{LINE SEPARATOR}third \x85 \N{SNOWMAN} {\"a\": 1}"
    files.append_to_ledger(tmp_path, files.ledger_line(started=0.0, stage="01_data", state="failed", error=error))
    files.append_to_ledger(tmp_path, files.ledger_line(started=0.0, stage="02_correlation", state="done"))
    assert [entry["error"] for entry in files.read_ledger(tmp_path)] == [error, None]


def test_a_folder_without_a_ledger_has_no_lines(tmp_path):
    assert files.read_ledger(tmp_path) == []


def test_a_line_has_every_key_in_one_order_and_what_else_is_known_last():
    entry = files.ledger_line(started=86400.0, worker="w", key="abc", stage="01_data", points=3, state="done")
    assert list(entry) == ["time", *files.LEDGER_KEYS, "key", "points"]
    assert (entry["started"], entry["worker"], entry["key"], entry["error"]) == ("1970-01-02T00:00:00Z", "w", "abc", None)


def test_a_file_is_whole_or_not_there(tmp_path):
    def half(path):
        path.write_text("half")
        raise OSError("disk full")

    (tmp_path / "result.csv").write_text("old")
    with pytest.raises(OSError, match="disk full"):
        files.write_whole(tmp_path / "result.csv", half)
    assert [path.name for path in tmp_path.iterdir()] == ["result.csv"]
    assert (tmp_path / "result.csv").read_text() == "old"


def test_what_the_command_imports_before_it_knows_what_to_do_is_cheap():
    """`forefolio check` reads a params file; pandas alone would take longer than that."""
    script = "import sys, forefolio.__main__; print([name for name in ('pandas', 'numpy', 'plotly') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "[]\n"


def test_a_table_comes_back_with_its_names_and_with_what_is_missing(tmp_path):
    names = ["0050", "000001", "NA", "<NA>", "-nan", "NULL", "True", "1e5", "2020-01", 'say "so", a|b']
    for column in files.NAMES:
        table = pd.DataFrame({column: names, "weight": [0.1, np.nan, *[1.0] * 8], "reason": ["NA", *[None] * 9], "kept": True})
        files.write_frame(tmp_path / "table.csv", table)
        pd.testing.assert_frame_equal(files.read_frame(tmp_path / "table.csv"), table)


def test_a_named_index_of_numbers_alone_comes_back_as_text(tmp_path):
    files.write_frame(tmp_path / "table.csv", pd.DataFrame({"mean": [1.0, np.nan]}, pd.Index(["0050", "2330"], name="asset")))
    assert files.read_frame(tmp_path / "table.csv").to_numpy(object)[:, 0].tolist() == ["0050", "2330"]


@pytest.mark.parametrize(("first", "then"), [("run", "sweep"), ("sweep", "run")])
def test_a_folder_keeps_the_kind_of_the_command_that_was_killed_in_it(first, then, tmp_path):
    """Killed at once: it had the folder, and wrote nothing."""
    with files.locked(tmp_path / "taken", f"`forefolio {first}`", kind=first):
        pass
    with pytest.raises(files.StageError, match=f"taken holds a {first}; .*name"):
        files.locked(tmp_path / "taken", f"`forefolio {then}`", kind=then).__enter__()
    with files.locked(tmp_path / "taken", f"`forefolio {first}`", kind=first):
        pass


@pytest.mark.skipif(os.name != "posix", reason="signals are sent so there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_waits_until_what_must_not_be_disturbed_is_done(number):
    came, done, before = [], [], signal.signal(number, lambda *_: came.append(list(done)))
    try:
        with files.undisturbed():
            signal.raise_signal(number)
            done.append("all")
        assert came == [["all"]]
        signal.raise_signal(number)
        assert len(came) == 2, "the handler is in place again"
        signal.signal(number, signal.SIG_IGN)
        with files.undisturbed():
            signal.raise_signal(number)
        assert len(came) == 2 and signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)


def full(_):
    raise OSError(errno.ENOSPC, "No space left on device")  # as a write does, which knows no name


def library(_):
    raise OSError("a library's own words")


@pytest.mark.parametrize(("write", "reason"), [(full, "No space left on device"), (library, "a library's own words")])
def test_an_error_of_the_system_names_the_file_that_was_to_be_written(tmp_path, write, reason):
    with pytest.raises(OSError) as refused:
        files.write_whole(tmp_path / "table.csv", write)
    assert (refused.value.filename, refused.value.strerror) == (str(tmp_path / "table.csv"), reason)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_ledger_on_a_full_disk_is_named(tmp_path):
    (tmp_path / "ledger.jsonl").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as refused:
        files.append_to_ledger(tmp_path, numbered(1))
    assert refused.value.filename == str(tmp_path / "ledger.jsonl")
