"""The rules of the house: who may import whom, how long a file and a function may be, and what no committed file may name."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "seglib").rglob("*.py"))

# Each module of seglib and what it may import of seglib: the floors, from the ground up.
GROUND = {"labels", "records", "errors"}
ROOMS = GROUND | {"data", "losses", "scores", "models", "checkpoints"}
WORK = ROOMS | {"training", "evaluation"}
DRAWN = {"plots", "diagrams", "tables"}
ALLOWED = {
    "labels": set(), "errors": set(), "records": {"errors"},
    "data": GROUND, "losses": GROUND, "scores": GROUND, "models": set(), "checkpoints": set(),
    "evaluation": ROOMS, "training": ROOMS | {"evaluation"}, "plots": GROUND | {"scores"}, "tables": GROUND | {"scores"},
    "diagrams": GROUND | {"scores", "plots"}, "study": WORK | DRAWN, "exhibits": WORK | DRAWN | {"study"},
    "notebook": WORK | DRAWN | {"study"}, "__main__": WORK | DRAWN | {"study"},
}  # fmt: skip
LONGER = {"person": 69}  # a drawing, limb by limb: to cut it would change the order of its random numbers


def imported(path: Path) -> set[str]:
    """The modules of seglib that a file imports, first names only."""
    package = path.relative_to(ROOT).with_suffix("").parts
    package = package[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            words = [*base, *(node.module.split(".") if node.module else [])]
            names = [words[1]] if len(words) > 1 else [alias.name for alias in node.names]
            found |= set(names) if words[:1] == ["seglib"] else set()
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("seglib.")}
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    module = path.relative_to(ROOT / "seglib").parts[0].removesuffix(".py")
    wrong = imported(path) - ALLOWED.get(module, set()) - {module}
    assert not wrong, f"{module} must not import {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_short(path):
    text = path.read_text()
    assert len(text.splitlines()) < 300
    tree = ast.parse(text)
    assert ast.get_docstring(tree) or not tree.body, "no docstring says what the module is for"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            lines = node.end_lineno - node.lineno + 1
            assert lines <= LONGER.get(node.name, 60), f"{node.name} has {lines} lines"
        if isinstance(node, ast.ImportFrom):
            assert all(alias.name != "*" for alias in node.names), "a star import"


def test_the_top_level_holds_what_it_should():
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    if not names:
        pytest.skip("not a git checkout")
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.startswith(".")} <= {
        "README.md",
        "requirements.txt",
        "notebooks",
        "seglib",
        "figures",
        "report",
        "tests",
    }


def test_no_file_names_a_machine():
    found = subprocess.run(
        ["git", "grep", "-nIE", r"/(home|root|work|Users)/[a-z]|/tmp/[a-z]"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    lines = [line for line in found.splitlines() if not re.match(r"tests/test_(house|notebooks|report_pdf)\.py:", line)]
    assert not lines, "\n".join(lines[:10])
