"""The first hour: whatever stands in the way of run.sh ends in one sentence that says what to do, and in an exit code that is not 0."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("bash", "cat", "cksum", "tr", "awk", "dirname", "mkdir", "grep", "tail", "cp", "touch", "env")
# A Python of pretence: $FAKE says what is wrong with it. It makes a folder with a copy of itself where a real one makes a .venv.
FAKE = r"""#!/usr/bin/env bash
case "$*" in
  *version_info*) [ "$FAKE" != old ] ;;
  *importlib.metadata*) [ "$FAKE" != half ] || printf 'torch ' ;;
  *pip.__version__*) [ "$FAKE" != oldpip ] ;;
  --version) echo "Python 3.9.2" ;;
  "-m venv"*)
    [ "$FAKE" != novenv ] || { printf 'The virtual environment was not created:\nensurepip is not available\n'; exit 1; }
    [ "$FAKE" != fullvenv ] || { echo "Error: [Errno 28] No space left on device"; exit 1; }
    mkdir -p "${@: -1}/bin" && cp "$0" "${@: -1}/bin/python" && touch "${@: -1}/pyvenv.cfg"
    [ "$3" != --clear ] || touch "${@: -1}/cleared" ;;
  "-m pip --version") ;;
  "-m pip install"*)
    [ "$FAKE" != full ] || { echo "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"; exit 1; }
    echo "$*" >>"$HOME/pip-calls"
    [ "$FAKE" != offline ] || { printf 'WARNING: Retrying after NewConnectionError\nERROR: No matching distribution\n'; exit 1; }
    [ "$FAKE" != unknown ] || { echo "ERROR: No matching distribution found for torch==2"; exit 1; } ;;
esac
"""


@pytest.fixture
def project(tmp_path) -> Path:
    """A project with a space in its path, a PATH of a few tools beside it, and the pretended Python."""
    folder = tmp_path / "my study"
    for name in ("notebooks/run.sh", "notebooks/environment.sh", "tests/run.sh"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "requirements.txt").write_text("")
    (folder / "tests" / "requirements.txt").write_text("")
    (tmp_path / "bin").mkdir()
    for name in TOOLS:
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    (tmp_path / "bin" / "df").write_text("#!/usr/bin/env bash\nprintf 'head\\ndisk 1 1 %s\\n' \"${FREE_KB:-20000000}\"\n")
    (tmp_path / "bin" / "python3.12").write_text(FAKE)
    for name in ("df", "python3.12"):
        (tmp_path / "bin" / name).chmod(0o755)
    return folder


def run(project: Path, *words: str, shell: str = "bash", script: str = "notebooks/run.sh", **environment: str) -> tuple[int, str, str]:
    """A script, from another folder than its own -> exit code, what it printed, its errors."""
    clean = {"PATH": str(project.parent / "bin"), "HOME": str(project.parent), **environment}
    done = subprocess.run(
        [shell, str(project / script), *words], cwd=project.parent, env=clean, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


CASES = {
    "an unknown option": (["--foo"], {}, "unknown option --foo: .*--help"),
    "a value forgotten": (["--profile"], {}, "--profile needs a value: .*--help"),
    "a profile mistyped": (["--profile", "cqu"], {}, "unknown profile cqu: choose published"),
    "a data set mistyped": (["--dataset", "street"], {}, "unknown data set street: choose streets"),
    "no photographs": (["--dataset", "camvid"], {"CAMVID_DATASET": "nowhere"}, "CAMVID_DATASET=nowhere is not a folder with .*: export it"),
    "Python too old": ([], {"FAKE": "old"}, "Python 3.11 or 3.12 is needed, and no Python is here: install one, or name it"),
    "a wrong Python named": ([], {"PYTHON": "nothing"}, "PYTHON=nothing is not a Python 3.11 or 3.12 that runs: name another"),
    "little space": ([], {"FREE_KB": "1000000"}, "need 9 GB .* 1 GB are free: make room, or set SEGLIB_VENV"),
    "no venv module": ([], {"FAKE": "novenv"}, "cannot make virtual environments: .* 'apt-get install python3-venv'"),
    "disk full at venv": ([], {"FAKE": "fullvenv"}, "the disk is full: make room, or set SEGLIB_VENV"),
    "disk full at pip": ([], {"FAKE": "full"}, "the disk is full: make room in .*, or set SEGLIB_VENV and TMPDIR"),
    "no network": ([], {"FAKE": "offline"}, "could not be fetched: check the internet connection"),
    "pip was stopped": ([], {"FAKE": "half"}, r".*/\.venv is half installed \(torch\): remove that folder, then run"),
    "no such package": ([], {"FAKE": "unknown"}, r"pip could not install .*\(ERROR: .* torch==2\): see .*pip.log"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "environment", "sentence"), CASES.values(), ids=CASES)
def test_one_sentence_and_an_exit_code(project, words, environment, sentence):
    code, _, errors = run(project, *words, **environment)
    assert code == 2
    assert len(errors.splitlines()) == 1 and re.match(f"error: .*{sentence}", errors), errors


def environment_of(folder: Path, python: str = "") -> Path:
    """A virtual environment with this script as its Python, or without one, as an interruption leaves it."""
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    if python:
        (folder / "bin" / "python").write_text(python)
        (folder / "bin" / "python").chmod(0o755)
    return folder


def test_a_half_made_environment_is_made_again(project):
    venv = environment_of(project / ".venv")
    (project / "report").mkdir()
    (project / "report" / "build.sh").write_text("exit 3\n")
    code, said, errors = run(project, "--profile", "published")
    assert (code, errors) == (0, "") and (venv / "cleared").exists() and "making" in said
    assert "making" not in run(project, "--profile", "published")[1] and (project / "runs" / "published-streets").is_dir()


def test_a_folder_that_is_no_environment_is_not_emptied(project):
    mine = project / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    assert run(project, FAKE="offline", SEGLIB_VENV=str(mine))[0] == 2
    assert (mine / "thesis.txt").read_text() == "years of work" and not (mine / "cleared").exists()


def test_an_environment_of_another_python_is_named(project):
    environment_of(project / ".venv", FAKE.replace('[ "$FAKE" != old ]', "exit 1"))
    code, _, errors = run(project)
    assert code == 2 and re.fullmatch(r"error: .*\.venv has Python 3.9.2, and 3.11 or 3.12 is needed: remove that folder.*\n", errors)


def test_a_python_that_is_not_used_is_said(project):
    environment_of(project / ".venv", FAKE)
    (project / "report").mkdir()
    (project / "report" / "build.sh").write_text("exit 3\n")
    for _ in range(2):  # before and after its packages are there
        code, _, errors = run(project, "--profile", "published", PYTHON="python3.12")
        assert code == 0 and re.fullmatch(r"PYTHON=python3.12 is not used: .*\.venv is there already, .*; remove that folder.*\n", errors)
    assert run(project, "--profile", "published")[2] == ""


def test_halves_names_a_package_with_a_lost_file(tmp_path):
    """The check of environment.sh itself, on a folder of one package: whole, with a file lost, without its list of files."""
    package, listed = tmp_path / "one" / "__init__.py", tmp_path / "one-1.0.dist-info" / "RECORD"
    for path in (package, listed):
        path.parent.mkdir()
    package.write_text("")
    (listed.parent / "METADATA").write_text("Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
    listed.write_text("one/__init__.py,,\none/__pycache__/__init__.cpython-311.pyc,,\none-1.0.dist-info/METADATA,,\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')  # -S: without the packages of this environment
    python.chmod(0o755)
    words = ["bash", "-c", 'source "$1/notebooks/environment.sh"; PY=$2; halves', "bash", ROOT, python]

    def halves() -> list[str]:
        clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
        return subprocess.run(words, env=clean, capture_output=True, text=True, check=True).stdout.split()

    assert halves() == []
    package.unlink()
    assert halves() == ["one"]
    package.write_text("")
    listed.unlink()
    assert halves() == ["one"]


@pytest.mark.parametrize("fake", ["fine", "oldpip"])
def test_only_an_old_pip_is_renewed(project, fake):
    run(project, FAKE=fake)
    calls = (project.parent / "pip-calls").read_text().splitlines()
    assert ["--upgrade pip>=23.1" in call for call in calls] == ([True, False] if fake == "oldpip" else [False])


def test_another_shell_is_told(project):
    shell = shutil.which("dash")
    if not shell:
        pytest.skip("no dash here: the shell that is /bin/sh on Debian and Ubuntu")
    for script in ("notebooks/run.sh", "tests/run.sh"):
        code, _, errors = run(project, shell=shell, script=script)
        assert code == 2 and re.fullmatch(r"error: this is a script for bash: bash .*run.sh\n", errors)


def test_the_readmes_commands_need_no_word_splitting():
    """zsh takes `$S train` for one word."""
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert blocks and not [line for block in blocks for line in block.splitlines() if re.match(r"\s*\$", line)]


def test_tests_name_a_wrong_folder_of_photographs(project):
    code, _, errors = run(project, script="tests/run.sh", CAMVID_DATASET="nowhere")
    assert code == 2 and re.fullmatch("error: CAMVID_DATASET=nowhere is not .*: correct it, or unset it .*\n", errors)


@pytest.mark.parametrize(
    "words", [["notebooks/execute.py", "--only", "07"], ["-m", "seglib", "study", "status"], ["-m", "seglib", "train"]]
)
def test_a_python_without_the_packages_is_told_which_one_to_use(words):
    """-S: an interpreter that does not see what is installed, as the system's own would not."""
    done = subprocess.run([sys.executable, "-S", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and re.fullmatch(
        r"error: .* has no package \w+: use \.venv/bin/python, .*run.sh .* makes or completes\n", done.stderr
    )
