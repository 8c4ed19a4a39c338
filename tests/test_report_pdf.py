"""The PDF: its length, its words, and the numbers of its tables; and, with --all, that the build fails loudly and repeats itself."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "report"
PDF = REPORT / "report.pdf"
BODY = 16  # what pdftohtml calls 11 pt (it draws at 1.5 times the size); captions and tables are smaller


def poppler(tool: str, *arguments: str) -> str:
    """What a poppler tool prints of report.pdf, or a skip that says what is missing."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed: apt-get install poppler-utils")
    if not PDF.is_file():
        pytest.skip("report/report.pdf has not been built: bash report/build.sh")
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=True, timeout=120).stdout


def pages() -> list[str]:
    return poppler("pdftotext", "-layout", str(PDF), "-").split("\f")[:-1]


def first_page_of_the_appendix() -> int:
    """Its number, from 1: the first page that opens with the heading of appendix A."""
    return next(i for i, page in enumerate(pages(), 1) if re.match(r"\s*A\s{2,}\w", page))


def body_words() -> list[str]:
    """Words in the text's font and size, before the references: no captions, tables, formulas, figures, numbers of pages and sections."""
    xml = poppler("pdftohtml", "-xml", "-i", "-hidden", "-stdout", str(PDF))
    fonts = dict(re.findall(r'<fontspec id="(\d+)" size="(\d+)" family="[^"]*LM(?:Sans|Mono)', xml))
    wanted = {number for number, size in fonts.items() if int(size) >= BODY}
    lines = []
    for font, text in re.findall(r'<text [^>]*font="(\d+)">(.*?)</text>', xml):
        plain = re.sub(r"<[^>]*>", "", text).strip()
        if plain == "References" and int(fonts.get(font, 0)) > BODY:
            break
        if font in wanted and not plain.isdecimal():
            lines.append(plain)
    return " ".join(lines).split()


def test_at_most_fifteen_pages_before_the_appendix():
    assert first_page_of_the_appendix() - 1 <= 15


def test_at_most_three_thousand_words():
    count = len(body_words())
    assert 1500 < count <= 3000, f"{count} words before the references, without tables, captions and formulas"


def test_the_page_is_a4():
    assert "A4" in poppler("pdfinfo", str(PDF))


def test_nothing_is_left_unresolved():
    text = "\n".join(pages())
    assert "??" not in text and "[?]" not in text


def cells(tex: str) -> set[str]:
    """The decimals of a LaTeX table."""
    return set(re.findall(r"(?<![\d.])\d+\.\d+(?![\d.])", re.sub(r"(?<!\\)%.*", "", tex)))


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"\\input\{generated/(\w+)\}", "".join(p.read_text() for p in (REPORT / "sections").glob("*.tex")))))
)
def test_the_pdf_holds_the_tables_values(name):
    text = "\n".join(pages())
    missing = sorted(value for value in cells((REPORT / "generated" / f"{name}.tex").read_text()) if value not in text)
    assert not missing, f"{name}: {missing[:10]} are not in report.pdf; build it again: bash report/build.sh"


def test_the_pdf_names_no_machine():
    data = PDF.read_bytes() if PDF.is_file() else pytest.skip("report/report.pdf has not been built: bash report/build.sh")
    assert b"/PTEX.FileName" not in data and b"/CreationDate" not in data and b"/home/" not in data


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of what the build reads, to be spoilt by the tests below."""
    for tool in ("latexmk", "pdflatex"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: bash report/build.sh says how")
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(REPORT, folder / "report")
    shutil.copytree(ROOT / "figures", folder / "figures")
    return folder


def build(checkout: Path, section: str = "", replace: tuple[str, str] = ("", "")) -> subprocess.CompletedProcess:
    """Build with one change in one section; the change is taken back."""
    path = checkout / "report" / "sections" / f"{section or 'conclusions'}.tex"
    before = path.read_text()
    assert replace[0] in before
    path.write_text(before.replace(*replace, 1) if section else before)
    command = ["bash", str(checkout / "report" / "build.sh"), "--no-generate", "--output", str(checkout)]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=600)
    finally:
        path.write_text(before)


@pytest.mark.slow
def test_two_builds_give_the_same_bytes(checkout):
    first = build(checkout)
    assert first.returncode == 0, first.stderr
    before = (checkout / "report.pdf").read_bytes()
    assert build(checkout).returncode == 0
    assert (checkout / "report.pdf").read_bytes() == before


FAULTS = {
    "an unknown result": (r"\section{Conclusions}", r"\section{Conclusions}\res{losses/nowhere/miou}", "losses/nowhere/miou"),
    "an unknown published number": (r"\section{Conclusions}", r"\section{Conclusions}\published{nowhere/miou}", "nowhere/miou"),
    "an unknown citation": (r"\section{Conclusions}", r"\section{Conclusions}\citep{nobody1900}", "nobody1900"),
    "an unknown reference": (r"\section{Conclusions}", r"\section{Conclusions}\ref{fig:nowhere}", "fig:nowhere"),
    "a missing figure": (
        r"\section{Conclusions}",
        r"\section{Conclusions}\includegraphics[alt={none}]{figures/nowhere.pdf}",
        "nowhere.pdf",
    ),
    "no alternative text": (
        r"\section{Conclusions}",
        r"\section{Conclusions}\includegraphics{figures/figure-2-fcn.pdf}",
        "alternative text",
    ),
    "an over-full line": (r"\section{Conclusions}", r"\section{Conclusions}\noindent\hbox{\rule{400mm}{1pt}}", "Overfull"),
    "a LaTeX error": (r"\section{Conclusions}", r"\section{Conclusions}\nosuchcommand", "nosuchcommand"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_the_build_stops_at(fault, checkout):
    old, new, named = FAULTS[fault]
    target = checkout / "report.pdf"
    target.write_bytes(b"yesterday's")
    result = build(checkout, "conclusions", (old, new))
    assert result.returncode == 1 and named in result.stderr, result.stderr
    assert target.read_bytes() == b"yesterday's"
