"""Writing report/generated and the README's table: the same evidence gives the same bytes."""

import functools
from pathlib import Path

from seglib.labels import DATASET_NAMES
from seglib.records import write_atomic
from seglib.tables import cards, content, families, layout
from seglib.tables.evidence import Evidence
from seglib.tables.numbers import laid_over, lines, numbers
from seglib.tables.settings import outcome, rates, settings

TABLES = {
    "architectures": families.architectures,
    "details": families.details,
    "detailscamvid": functools.partial(families.details, camvid=True),
    "otherlosses": content.losses,
    "ablations": functools.partial(content.ablations, of="data"),
    "training": functools.partial(content.ablations, of="training"),
    "transfer": content.transfer,
    "original": content.original,
    "classes": cards.classes,
    "lossclasses": cards.loss_classes,
    "settings": functools.partial(settings, of="streets"),
    "othersettings": functools.partial(settings, of="others"),
    "rates": functools.partial(rates, of="streets"),
    "otherrates": functools.partial(rates, of="others"),
    "outcome": outcome,
    "cost": functools.partial(cards.cost, brief=True),
    "costs": cards.cost,
    "others": cards.others,
    "claims": content.claims_in_short,
    "claimdetails": content.claim_table,
}
BEGIN, END = "<!-- results: written by python -m seglib report -->", "<!-- end of results -->"


def write(evidence: Evidence, folder: Path, published: Evidence | None = None) -> list[Path]:
    """numbers.tex, overlay.tex and <table>.tex for every table -> their paths. published: what another profile is laid over."""
    found = numbers(evidence)
    texts = {"numbers": lines(laid_over(found, numbers(published)) if published else found), "overlay": overlay(evidence)}
    texts |= {name: layout.latex(make(evidence)) for name, make in TABLES.items()}
    paths = []
    for name, text in texts.items():
        path = Path(folder) / f"{name}.tex"
        write_atomic(path, text.encode())
        paths.append(path)
    return paths


def overlay(evidence: Evidence) -> str:
    """What the first page says when numbers of another run lie over the published ones; nothing for the published report."""
    if evidence.profile == "published":
        return "% Every number comes from the records in report/results.\n"
    return (
        r"\begin{center}\small\fbox{\parbox{.92\linewidth}{This PDF shows a run of the \code{" + evidence.profile + "} profile on "
        f"{DATASET_NAMES[evidence.dataset]}. "
        r"Numbers marked \kept{} were not made by it: they, and the fixed prose, are those of the published report.}}\end{center}" + "\n"
    )


def readme_table(evidence: Evidence) -> str:
    """The README's results: the models with seeds, mIoU, interval and device, by data set."""
    blocks = [(DATASET_NAMES[dataset], families.readme_rows(evidence, dataset)) for dataset in evidence.datasets()]
    columns = ["Model", "parameters", "seeds", "mIoU, %", "95 % over pictures", "trained on"]
    return layout.markdown(layout.Table(columns, blocks)) if blocks else "No published records yet.\n"


def write_readme(evidence: Evidence, path: Path) -> bool:
    """Renew the table between the markers of a README -> whether anything changed. ValueError where a marker is missing."""
    text = Path(path).read_text()
    if BEGIN not in text or END not in text:
        raise ValueError(f"{path}: the lines '{BEGIN}' and '{END}' are not both there")
    before, rest = text.split(BEGIN, 1)
    new = f"{before}{BEGIN}\n{readme_table(evidence)}{END}{rest.split(END, 1)[1]}"
    if new != text:
        write_atomic(path, new.encode())
    return new != text
