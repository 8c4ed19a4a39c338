"""What every notebook starts and ends with: `start` -> Page, its records and figures, and readings computed from records."""

import importlib.util
import sys

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("papermill") is None:  # a kernel of another environment
    raise ImportError(
        f"this kernel ({sys.executable}) lacks the project's packages: run 'bash notebooks/run.sh --profile published' once, "
        "which makes .venv, then choose the kernel of .venv, or start JupyterLab with .venv/bin/jupyter lab"
    )

from seglib.notebook.findings import (  # noqa: E402
    alike,
    apart_by_seeds,
    at_both,
    confirmed,
    floors,
    from_kinds,
    gained,
    joined,
    price,
    prolonged,
    promised,
    steady,
    survives,
    under_forest,
    unseen,
)
from seglib.notebook.page import KEPT_BYTES, Page, check_parameters, clean, display, say, start  # noqa: E402
from seglib.notebook.readings import (  # noqa: E402
    against,
    by_share,
    ceilings,
    class_iou,
    differences,
    flat,
    forest,
    last,
    last_tried,
    leads,
    mean,
    on_test,
    overconfidence,
    pick,
    points,
    pooled,
    range_of,
    ranking,
    recipe,
    scored,
    seeds,
    sentence,
    spread,
    strays,
    summary,
    swept,
    verdict,
)
from seglib.notebook.shapes import edge_share, edges, habits, lost, on_grid, patches, share_near_edges  # noqa: E402

__all__ = [
    "KEPT_BYTES", "Page", "against", "alike", "apart_by_seeds", "at_both", "by_share", "ceilings", "check_parameters", "class_iou",
    "clean", "confirmed", "differences", "display", "edge_share", "edges", "flat", "floors", "forest", "from_kinds", "gained", "habits",
    "joined", "last", "last_tried", "leads", "lost", "mean", "on_grid", "on_test", "overconfidence", "patches", "pick", "points",
    "pooled", "price", "prolonged", "promised", "range_of", "ranking", "recipe", "say", "scored", "seeds", "sentence",
    "share_near_edges", "spread", "start", "steady", "strays", "summary", "survives", "swept", "under_forest", "unseen", "verdict",
]  # fmt: skip
