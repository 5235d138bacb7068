"""What docs/publish.md offers agrees with the Makefile, and it says what was not tried."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from forefolio.study.parameters import ROOT, load

PAGE = (ROOT / "docs" / "publish.md").read_text()
WORKFLOW = ".github/workflows/site.yml"
CONTAINER = ".devcontainer/devcontainer.json"


def jobs() -> list[dict]:
    """The steps of the workflow."""
    (job,) = yaml.safe_load((ROOT / WORKFLOW).read_text())["jobs"].values()
    return job["steps"]


def container() -> dict:
    """The file of the development container."""
    return json.loads((ROOT / CONTAINER).read_text())


def commands() -> list[str]:
    """Every shell command of both files."""
    given = [container()["postCreateCommand"], *(step["run"] for step in jobs() if "run" in step)]
    return [command for line in given for command in line.split(" && ")]


def test_both_files_call_only_targets_of_make_and_params_files_that_exist():
    targets = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    made = [command for command in commands() if not command.startswith("sudo apt-get ")]
    assert len(made) == 2
    for command in made:
        target, study = re.fullmatch(r"make ([a-z]+)(?: STUDY=(\S+))?", command).groups()
        assert target in targets
        assert study is None or load(ROOT / study)


def test_the_workflow_publishes_the_site_of_the_default_study_on_each_push():
    workflow = yaml.safe_load((ROOT / WORKFLOW).read_text())
    assert workflow[True]["push"] == {"branches": ["main"]}  # YAML reads the word `on` as true
    assert workflow["permissions"] == {"contents": "read", "pages": "write", "id-token": "write"}
    used = [step["uses"].partition("@")[0] for step in jobs() if "uses" in step]
    assert used == [f"actions/{name}" for name in ("checkout", "setup-python", "upload-pages-artifact", "deploy-pages")]
    (uploaded,) = [step["with"]["path"] for step in jobs() if "upload" in step.get("uses", "")]
    assert uploaded == f"outputs/{load(ROOT / 'params/default.yml').study}/site"


def test_workflow_container_and_environment_file_have_the_same_python():
    (workflow,) = [step["with"]["python-version"] for step in jobs() if "setup-python" in step.get("uses", "")]
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][0]
    assert conda == f"python={workflow}" and f"python:{workflow}-" in container()["image"]


def test_the_page_names_each_file_and_says_in_each_section_what_was_not_tried():
    _, *sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    assert [section.partition("\n")[0] for section in sections] == [
        "On any host", "On each push", "In a container", "On Binder", "On Colab"]
    for section, named in zip(sections, ("make site", WORKFLOW, CONTAINER, "environment.yml", "the lock")):
        assert named in section and re.search(r"\*Not\s+tried", section), named
    assert "[publish](docs/publish.md)" in (ROOT / "README.md").read_text()


@pytest.mark.skipif(os.name == "nt", reason="the lines are for a POSIX shell")
@pytest.mark.parametrize("given, line, name", [
    ([], "", "default"), (["STUDY=params/lecture.yml"], "", "lecture"), (["SET=seed=3 study=mine"], "", "mine"),
    (["STUDY={own}"], "study: 'own'", "own"), (["STUDY={own}"], '"study": "own"  # not "x"', "own"),
    (["STUDY={own}"], "study: '2024'", "2024"), (["STUDY={own}"], "seed: 3", "default")])
def test_make_site_takes_the_run_that_it_has_just_made(tmp_path, given, line, name):
    own, command = tmp_path / "a study.yml", tmp_path / "forefolio"
    own.write_text(f"{line}\n")
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m forefolio "$@"\n')
    command.chmod(0o755)
    of_this_test = ("FOREFOLIO_OUTPUTS", "MAKEFLAGS", "MAKELEVEL")  # the last two where `make test` runs the test
    environment = {key: value for key, value in os.environ.items() if key not in of_this_test}
    asked = ["make", "--dry-run", "site", f"BIN={tmp_path}", *(part.format(own=own) for part in given)]
    done = subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"{command} site 'outputs/{name}'"


def test_the_lines_for_a_branch_publish_every_file_of_a_site(tmp_path):
    lines = next(block for block in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL) if "gh-pages" in block)
    site, host = tmp_path / "outputs" / "default" / "site", tmp_path / "host.git"
    (site / "deeper").mkdir(parents=True)
    for name in ("index.html", "deeper/page.html"):
        (site / name).write_text("<p>a page</p>")
    subprocess.run(["git", "init", "--quiet", "--bare", str(host)], check=True)
    there = lines.replace("https://github.com/OWNER/forefolio.git", str(host))
    assert there != lines
    who = {f"GIT_{role}_{what}": "reader@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for _ in range(2):  # a second time replaces the first
        subprocess.run(["bash", "-e", "-c", there], cwd=tmp_path, check=True,
                       env=os.environ | who | {"TMPDIR": str(tmp_path)})
    listed = subprocess.run(["git", "-C", str(host), "ls-tree", "-r", "--name-only", "gh-pages"], check=True,
                            capture_output=True, text=True)
    assert listed.stdout.split() == [".nojekyll", "deeper/page.html", "index.html"]
