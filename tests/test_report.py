"""The report's sources: every figure, table, number, citation and equation is there, used, and traced to a record or a source."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from seglib import plots, records, tables
from seglib.study import evidence
from seglib.tables import writing

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "report"
GENERATED = REPORT / "generated"
SECTIONS = sorted((REPORT / "sections").glob("*.tex"))
HEADINGS = ["Introduction", "Dataset", "Architectures", "Training methodology", "Results", "Conclusions", "Reflections"]


def uncommented(text: str) -> str:
    """LaTeX without its comments."""
    return re.sub(r"(?<!\\)%.*", "", text)


def source() -> str:
    """report.tex and its sections in their order, without comments and without the branches that the records do not take."""
    main = uncommented((REPORT / "report.tex").read_text())
    whole = re.sub(r"\\input\{(sections/\w+)\}", lambda match: uncommented((REPORT / f"{match[1]}.tex").read_text()), main)
    return branches_taken(whole, set(re.findall(r"\\newresult\{([^}]*)\}", generated())))


def generated() -> str:
    return "\n".join(uncommented(path.read_text()) for path in sorted(GENERATED.glob("*.tex")))


def branches_taken(text: str, defined: set[str]) -> str:
    """\\ifres{key}{text}{other} -> text where the key is defined, other where it is not, inner ones too."""
    while (start := text.find("\\ifres{")) >= 0:
        end, arguments = start + len("\\ifres"), []
        for _ in range(3):
            opened = end
            end = closing(text, opened)
            arguments.append(text[opened + 1 : end - 1])
        text = text[:start] + arguments[1 if arguments[0] in defined else 2] + text[end:]
    return text


def closing(text: str, opened: int) -> int:
    """The place behind the brace that closes the one at `opened`."""
    depth = 0
    for i in range(opened, len(text)):
        depth += (text[i] == "{") - (text[i] == "}")
        if depth == 0:
            return i + 1
    raise ValueError(f"no brace closes {text[opened : opened + 60]!r}")


def test_branches_are_taken_by_what_is_defined():
    text = r"a \ifres{x/y}{b {c} \ifres{z}{d}{e}}{f} g"
    assert branches_taken(text, {"x/y"}) == "a b {c} e g"
    assert branches_taken(text, {"x/y", "z"}) == "a b {c} d g"
    assert branches_taken(text, set()) == "a f g"


def keys_used(text: str) -> set[str]:
    """Keys the text needs: \\res{k}; \\verdict{k} its sign, \\diff{k}, \\starred{k} both; \\ranking, ... {prefix}{quantity}{arms}."""
    used = set(re.findall(r"\\(?:res|diff|starred)\{([^}]*)\}", text))
    for key in re.findall(r"\\(?:verdict|diff|starred)\{([^}]*)\}", text):
        used.add(f"{key}/sign")
    for pair in re.findall(r"\\exceeds\{([^}]*)\}\{([^}]*)\}", text):
        used |= set(pair)
    for prefix, quantity, arms in re.findall(r"\\(?:ranking|winner|loser|best|worst|lead)\{([^}]*)\}\{([^}]*)\}\{([^}]*)\}", text):
        used |= {f"{prefix}/{arm}/{quantity}" for arm in arms.split(",")}
    return used


def raw_numbers(text: str) -> list[str]:
    """Decimals and percentages typed by hand: what remains of them when commands are taken out with their arguments."""
    names = (
        r"res|diff|starred|ifres|published|verdict|ranking|winner|loser|best|worst|lead|exceeds|cite\w*|[cC]?ref|label|includegraphics|input|begin"
    )
    bare = re.sub(rf"\\({names})\*?(\[[^\]]*\])?(\{{[^}}]*\}})*", "...", uncommented(text))
    return re.findall(r"\d+\.\d+|\d+\s*(?:\\,)?\\%", bare)


def floats(text: str, kind: str = "figure|table") -> list[str]:
    return [body for _, body in re.findall(rf"\\begin\{{({kind})\}}(.*?)\\end\{{\1\}}", text, re.S)]


def figure_names() -> list[str]:
    return re.findall(r"\\includegraphics\[.*?\]\{figures/([^}]*)\}", source(), re.S)


def test_the_sections_are_the_originals():
    assert re.findall(r"\\section\{([^}]*)\}", source())[: len(HEADINGS)] == HEADINGS
    assert source().index("\\bibliography{") < source().index("\\appendix")


@pytest.mark.parametrize("path", SECTIONS, ids=lambda path: path.stem)
def test_no_number_is_typed_by_hand(path):
    assert raw_numbers(path.read_text()) == []


def test_a_typed_number_would_be_found():
    assert raw_numbers(r"U-Net scores 41.3 and 7\,\% less, \res{a/b1.5}\,\%, \includegraphics[width=0.5\linewidth]{x}") == [
        "41.3",
        r"7\,\%",
    ]
    assert raw_numbers(r"12 \% of pixels % 3.5 in a comment") == [r"12 \%"]


def test_every_result_key_is_defined():
    defined = set(re.findall(r"\\newresult\{([^}]*)\}", generated()))
    missing = sorted(keys_used(source()) - defined)
    assert not missing, f"{len(missing)} keys are not in report/generated: {', '.join(missing[:20])}"


def test_every_published_key_is_defined_once_and_cited():
    rows = re.findall(r"\\newpublished\{([^}]*)\}\{([^}]*)\}\{([^}]*)\}", uncommented((REPORT / "published.tex").read_text()))
    assert len({key for key, _, _ in rows}) == len(rows)
    assert set(re.findall(r"\\published\*?\{([^}]*)\}", source() + generated())) <= {key for key, _, _ in rows}
    assert {cite for _, _, cite in rows} <= set(bibliography())


def bibliography() -> dict[str, str]:
    entries = re.split(r"^@\w+\{", (REPORT / "references.bib").read_text(), flags=re.M)[1:]
    return {entry.split(",")[0]: entry for entry in entries}


def test_every_citation_has_its_entry_and_every_entry_its_citation():
    everything = source() + generated() + uncommented((REPORT / "published.tex").read_text())
    cited = {key.strip() for group in re.findall(r"\\cite[a-z]*\*?(?:\[[^\]]*\])*\{([^}]*)\}", everything) for key in group.split(",")}
    shown = set(re.findall(r"\\published\{([^}]*)\}", source()))
    sources = dict(re.findall(r"\\newpublished\{([^}]*)\}\{[^}]*\}\{([^}]*)\}", everything))
    cited |= {sources[key] for key in shown}
    assert cited == set(bibliography())
    assert 12 <= len(cited) <= 40


@pytest.mark.parametrize("key", sorted(bibliography()))
def test_every_entry_has_author_title_venue_and_year(key):
    for field in ("author", "title", "year"):
        assert re.search(rf"\b{field} = \{{.+\}}", bibliography()[key]), f"{key} has no {field}"
    assert re.search(r"(booktitle|journal|howpublished|publisher) = \{", bibliography()[key]), f"{key} has no venue"


def test_every_input_and_every_figure_exists():
    text = uncommented((REPORT / "report.tex").read_text()) + source()
    for name in re.findall(r"\\input\{([^}]*)\}", text):
        assert (REPORT / f"{name}.tex").is_file(), f"report/{name}.tex is missing"
    for name in figure_names():
        assert (ROOT / "figures" / name).is_file(), f"figures/{name} is missing: run the notebook that draws it"


def test_every_figure_has_alternative_text():
    for options in re.findall(r"\\includegraphics\[(.*?)\]\{", source(), re.S):
        assert len(re.search(r"alt=\{(.*?)\}", options, re.S)[1]) > 40


def test_figures_one_to_six_are_the_originals_subjects():
    wanted = ["1-annotations", "2-baseline", "2-fcn", "3-unet", "4-vit", "5-swin", "6-losses"]
    assert [name for name in figure_names() if name.startswith("figure-")] == [f"figure-{what}.pdf" for what in wanted]
    others = [name for name in figure_names() if name != "02-architectures-lite.pdf"]  # a second U-Net, drawn below the first
    assert others[:7] == [f"figure-{what}.pdf" for what in wanted]


def test_every_float_has_a_caption_and_is_referred_to():
    referred = {key.strip() for group in re.findall(r"\\[cC]ref\{([^}]*)\}", source()) for key in group.split(",")}
    for body in floats(source()):
        assert "\\caption{" in body
        assert label(body) in referred, f"{label(body)} is never referred to in the text"


def test_every_figure_and_generated_table_names_the_code_that_makes_it():
    """Table `exhibits`: all figures, with functions that their notebook calls; all generated tables, with the function of TABLES."""
    table = re.search(r"\\label\{tab:exhibits\}(.*?)\\end\{table\}", source(), re.S)[1].replace(r"\_", "_")
    rows = [row.split("&") for row in table.split(r"\\") if row.count("&") == 4 and "cref" in row]
    drawn, made = {}, {}
    for figures, notebook, draws, written, writes in rows:
        drawn |= {key: (notebook.strip(), code(draws)) for key in cited(figures)}
        made |= {key: code(writes) for key in cited(written)}
    assert drawn.keys() == {label(body) for body in floats(source(), "figure")}
    for notebook, functions in drawn.values():
        called = next((ROOT / "notebooks").glob(f"{notebook}_*.ipynb")).read_text()
        for module, name in (function.split(".") for function in functions):
            assert callable(getattr(importlib.import_module(f"seglib.{module}"), name))
            assert f"{module}.{name}(" in called, f"{module}.{name} is not called in notebook {notebook}"
    generated = {label(body): re.search(r"\\input\{generated/(\w+)\}", body) for body in floats(source(), "table")}
    assert made.keys() == {key for key, name in generated.items() if name}
    for key, functions in made.items():
        function = writing.TABLES[generated[key][1]]
        function = getattr(function, "func", function)
        assert functions == [f"{function.__module__.split('.')[-1]}.{function.__name__}"]


def cited(cell: str) -> list[str]:
    return re.findall(r"(?:fig|tab):\w+", cell)


def code(cell: str) -> list[str]:
    return re.findall(r"\\code\{([^}]*)\}", cell)


def label(body: str) -> str:
    return re.search(r"\\label\{([^}]*)\}", body)[1]


def test_every_equation_names_a_function_and_a_test_that_exist():
    labels = set(re.findall(r"\\label\{(eq:\w+)\}", source()))
    table = re.search(r"\\label\{tab:equations\}(.*?)\\end\{table\}", source(), re.S)[1]
    rows = [row.split("&") for row in table.split(r"\\") if r"\ref{eq:" in row]
    assert {key for row in rows for key in re.findall(r"\\ref\{(eq:\w+)\}", row[0])} == labels
    for _, functions, tests in rows:
        for module, name in re.findall(r"\\code\{([\w./\\]+?)\.(\w+(?:\\_\w+)*)\}", functions):
            assert_defined("seglib/" + module.replace("\\", "").replace(".", "/"), name.replace("\\", ""))
        for path, name in re.findall(r"\\test\{([^}]*)\}\{([^}]*)\}", tests.replace(r"\_", "_")):
            code = (ROOT / "tests" / f"{path}.py").read_text()
            assert re.search(rf"^def {name}\b", code, re.M), f"tests/{path}.py has no {name}"
        assert r"\test{" in tests


def assert_defined(module: str, name: str) -> None:
    """The function or class exists in the module, which may have become a folder."""
    files = [ROOT / f"{module}.py", *(ROOT / module).glob("*.py")]
    code = "\n".join(path.read_text() for path in files if path.is_file())
    assert re.search(rf"^\s*(def|class) {name}\b", code, re.M), f"{module} defines no {name}"


def test_files_named_in_the_text_exist():
    for name in re.findall(r"\\code\{((?:seglib|tests|notebooks|report|figures)/[\w/\\.]*)\}", source()):
        assert (ROOT / name.replace("\\", "")).exists(), f"{name} is named in the report but does not exist"


def regenerated(folder: Path) -> Path:
    environment = os.environ | {"SEGLIB_OUTPUT": str(folder), "SEGLIB_PROFILE": "published"}
    subprocess.run([sys.executable, "-m", "seglib", "report"], cwd=ROOT, env=environment, check=True, capture_output=True, timeout=300)
    return folder / "report" / "generated"


def test_the_readme_has_the_table_of_the_records():
    text = (ROOT / "README.md").read_text()
    assert tables.readme_table(evidence.collect("published", "streets")) in text, "renew it: python -m seglib report --readme"


def test_numbers_and_tables_regenerate_byte_for_byte(tmp_path):
    if not any((REPORT / "results").glob("*/meta-runs.json")):
        pytest.skip("report/results holds no published runs yet")
    fresh = regenerated(tmp_path)
    assert sorted(path.name for path in fresh.glob("*.tex")) == sorted(path.name for path in GENERATED.glob("*.tex"))
    for path in sorted(GENERATED.glob("*.tex")):
        assert (fresh / path.name).read_bytes() == path.read_bytes(), f"{path.name} is not what the records give: bash report/build.sh"


def metadata(pdf: Path) -> tuple[list[str], str]:
    """(names of the records, their sha256) in a figure's metadata."""
    data = pdf.read_bytes()
    names, digest = re.search(rb"/Subject \(records: (.*?)\)", data, re.S), re.search(rb"/Keywords \(sha256:([0-9a-f]{64})\)", data)
    assert names and digest, f"{pdf.name} carries no record hash: draw it with plots.save"
    found = names[1].decode().replace("\\\n", "").split(", ")
    return [name for name in found if name != "none"], digest[1].decode()


@pytest.mark.parametrize("name", figure_names())
def test_every_figure_was_drawn_from_the_records_that_are_here(name):
    path = ROOT / "figures" / name
    if not path.is_file():
        pytest.skip(f"figures/{name} has not been drawn yet")
    known = {}
    for folder in sorted({file.parent for file in (REPORT / "results").rglob("*.json")}):
        known |= records.load_all(folder)
    names, digest = metadata(path)
    missing = [record for record in names if record not in known]
    assert not missing, f"figures/{name} was drawn from records that are not in report/results: {missing}"
    assert plots.records_hash([known[record] for record in names]) == digest, f"figures/{name} is older than its records: run its notebook"
