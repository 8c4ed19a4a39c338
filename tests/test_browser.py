"""A reader's first minute: JupyterLab in a real browser, a notebook opened, Run All Cells chosen in its menu, its figures seen."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# What the open notebook holds, from JupyterLab's own model: cells far out of view are not on the page at all.
STATE = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    const cells = (panel?.model?.sharedModel?.cells ?? []).filter(cell => cell.cell_type === 'code');
    return {
        kernel: panel?.sessionContext?.session?.kernel?.status,
        counts: cells.map(cell => cell.execution_count),
        errors: cells.flatMap(cell => cell.outputs).filter(one => one.output_type === 'error').map(one => `${one.ename}: ${one.evalue}`),
    };
}"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page():
    """A page of headless Chromium, the machine's own: playwright's download is not needed."""
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install --no-deps -r tests/requirements-peers.txt")
    if not CHROMIUM:
        pytest.skip("no Chromium: on Debian and Ubuntu 'apt-get install chromium' provides it")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(60_000)
        yield page
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A project with a space in its path: notebook 07 without its outputs, and one with a cell that raises."""
    notebooks = tmp_path_factory.mktemp("browser") / "my study" / "notebooks"
    notebooks.mkdir(parents=True)
    (notebooks.parent / "seglib").symlink_to(ROOT / "seglib")
    book = nbformat.read(ROOT / "notebooks" / "07_losses.ipynb", as_version=4)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(book, notebooks / "07_losses.ipynb")
    book.cells = [nbformat.v4.new_code_cell(source) for source in ("print(6 * 7)", "1 / 0", "print('never')")]
    nbformat.write(book, notebooks / "planted.ipynb")
    return notebooks


def own_settings(folder: Path) -> dict[str, str]:
    """An environment in which nobody's JupyterLab settings count, none are changed, and no news are asked for on the internet."""
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_WORKSPACES_DIR", "SEGLIB_OUTPUT")
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    own = {name: str(folder / name.lower()) for name in names} | {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}
    return os.environ | own | {"SEGLIB_PROFILE": "published", "SEGLIB_DATASET": "streets", "JUPYTER_PREFER_ENV_PATH": "1"}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for_server(url: str, server: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    for _ in range(int(seconds / 0.2)):
        assert server.poll() is None, f"JupyterLab ended at once:\n{log.read_text()[-2000:]}"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"JupyterLab did not answer in {seconds} s:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def lab(folder):
    """JupyterLab on a free port -> the address of a notebook by its name, token included. Ends with its kernels."""
    port, token, log = free_port(), secrets.token_hex(16), folder.parent / "lab.log"
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0", "--expose-app-in-browser"]
    words = [sys.executable, "-m", "jupyterlab", *options, f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"]
    with log.open("w") as out:
        server = subprocess.Popen(words, env=own_settings(folder.parent), cwd=folder, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_for_server(f"http://127.0.0.1:{port}/api/status?token={token}", server, log)
        yield lambda name: f"http://127.0.0.1:{port}/lab/tree/{name}?reset&token={token}"
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()


def wait_until(page, done, seconds: float) -> dict:
    """STATE as soon as `done` says yes to it; TimeoutError holds the last one."""
    until = time.monotonic() + seconds
    while not done(state := page.evaluate(STATE)):
        if time.monotonic() > until:
            raise TimeoutError(f"the notebook is not there after {seconds} s: {state}")
        page.wait_for_timeout(300)
    return state


def run_all_cells(page, address: str) -> dict:
    """Open a notebook, choose Run > Run All Cells -> STATE when the kernel is idle and all cells have run, or one has raised."""
    page.goto(address)
    wait_until(page, lambda state: state["kernel"] == "idle", 60)  # a click before the kernel is there opens a dialog
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    return wait_until(page, lambda state: state["kernel"] == "idle" and (state["errors"] or None not in state["counts"]), 180)


def test_notebook_07_runs_in_a_browser(page, lab, tmp_path):
    state = run_all_cells(page, lab("07_losses.ipynb"))
    assert not state["errors"]
    assert state["counts"] == list(range(1, len(state["counts"]) + 1))
    figure = page.locator(".jp-Notebook .jp-OutputArea-output img").first
    for _ in range(2):  # after the last cell the page moves there and draws what it shows anew
        page.wait_for_timeout(1500)
        figure.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    page.screenshot(path=tmp_path / "07_losses.png")
    assert figure.is_visible() and figure.evaluate("one => one.complete && one.naturalWidth") > 300
    assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']").count() == 0


def test_a_raising_cell_is_seen(page, lab):
    """The test above can fail: a cell that raises is reported, and those below it have not run."""
    state = run_all_cells(page, lab("planted.ipynb"))
    assert state == {"kernel": "idle", "counts": [1, 2, None], "errors": ["ZeroDivisionError: division by zero"]}
    assert page.get_by_text("ZeroDivisionError").first.is_visible()
