"""A table as plain text cells, and its three forms: booktabs for LaTeX, Markdown for the README, a DataFrame for notebooks."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

EMPTY = "–"  # a cell without a value
LEFT = r">{{\raggedright\arraybackslash}}p{{{}mm}}"  # a column of words, set ragged
BEST = "@best:"  # before a cell that is set bold
KEPT = "†"  # behind a published number in the output of another run
_LATEX = {
    "±": r"$\pm$", KEPT: r"\kept{}", "–": "--", "−": "$-$", "×": r"$\times$", "²": r"$^2$", "%": r"\%", "&": r"\&", "_": r"\_", "#": r"\#",
}  # fmt: skip


class Table(NamedTuple):
    """columns, and blocks (title or "", rows of cells). `spec` is LaTeX's column specification. A cell "@cite:key" is a citation,
    one that begins with "@best:" is bold.
    over: (words, number of columns) of the headings above the columns, from the left; empty words for no heading."""

    columns: list[str]
    blocks: list[tuple[str, list[list[str]]]]
    spec: str = ""
    over: tuple[tuple[str, int], ...] = ()


def filled(table: Table, first: str = "l") -> Table:
    """The table without the columns that hold nothing but dashes, numbers to the right; `first` is LaTeX's type of the first column."""
    rows = [row for _, block in table.blocks for row in block]
    kept = [i for i in range(len(table.columns)) if i == 0 or any(row[i] not in (EMPTY, "") for row in rows)]
    blocks = [(title, [[row[i] for i in kept] for row in block]) for title, block in table.blocks]
    return Table([table.columns[i] for i in kept], blocks, first + "r" * (len(kept) - 1))


def emphasised(rows: list[list[str]], chosen: Sequence[bool], column: int = 1) -> list[list[str]]:
    """The rows, `column` bold in the chosen ones; one row alone stays as it is."""
    if len(rows) < 2:
        return rows
    return [[BEST + cell if bold and j == column else cell for j, cell in enumerate(row)] for row, bold in zip(rows, chosen, strict=True)]


def signed(value: float) -> str:
    """A difference with its sign and one decimal; what rounds to nothing has no minus."""
    return f"{round(value, 1) + 0.0:+.1f}"


def escape(text: str) -> str:
    """Plain text -> LaTeX; a minus before a digit becomes a true minus, "@cite:key" a citation."""
    text = "".join(_LATEX.get(letter, letter) for letter in text)
    text = re.sub(r"(?<![\w)-])-(?=\d)", "$-$", text)
    text = re.sub(rf"^{BEST}(.*)$", r"\\textbf{\1}", text)
    return re.sub(r"@cite:(\w+)", r"\\citep{\1}", text)


def latex(table: Table) -> str:
    """A whole tabular with booktabs rules; a block without rows is left out."""
    spec = table.spec or "l" + "r" * (len(table.columns) - 1)
    lines = [rf"\begin{{tabular}}{{@{{}}{spec}@{{}}}}", r"\toprule", *_over(table), _row(table.columns)]
    for title, rows in table.blocks:
        if not rows:
            continue
        lines.append(r"\midrule")
        if title:
            lines.append(rf"\multicolumn{{{len(table.columns)}}}{{@{{}}l}}{{\itshape {escape(title)}}} \\")
        lines += [_row(row) for row in rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _over(table: Table) -> list[str]:
    """The headings above the columns, each with a rule below it."""
    if not table.over:
        return []
    ends = [sum(width for _, width in table.over[: i + 1]) for i in range(len(table.over))]
    cells = [rf"\multicolumn{{{width}}}{{c}}{{{escape(words)}}}" for words, width in table.over]
    rules = [rf"\cmidrule(lr){{{end - width + 1}-{end}}}" for (words, width), end in zip(table.over, ends) if words]
    return [" & ".join(cells) + r" \\", *rules]


def _row(cells: list[str]) -> str:
    return " & ".join(escape(cell) for cell in cells) + r" \\"


def markdown(table: Table) -> str:
    """A Markdown table; block titles become a first column."""
    lines = ["| | " + " | ".join(table.columns) + " |", "|---|" + "---|" * len(table.columns)]
    for title, rows in table.blocks:
        for i, row in enumerate(rows):
            cells = [re.sub(rf"^{BEST}(.*)$", r"**\1**", re.sub(r"@cite:\w+", "published", cell)) for cell in row]
            lines.append(f"| {title if i == 0 else ''} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def frame(table: Table) -> pd.DataFrame:
    """A DataFrame of the cells, block titles as the index."""
    rows = [(title, *[cell.removeprefix(BEST) for cell in row]) for title, block in table.blocks for row in block]
    return pd.DataFrame([row[1:] for row in rows], columns=table.columns, index=[row[0] for row in rows])
