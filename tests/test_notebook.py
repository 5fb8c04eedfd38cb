"""collect and bench in a real notebook: one live bar, a table and the verdict, a data frame, errors of one line."""

import os
import re

import nbclient
import nbformat
import pytest

from tests.forked import ROOT

CELLS = [
    # counts how often anything is shown in place of something else
    """
from IPython.display import DisplayHandle
shown, update = [], DisplayHandle.update
def count(self, content, **options):
    shown.append((self.display_id, content.data))
    update(self, content, **options)
DisplayHandle.update = count
""",
    """
import collect
from collect.datasets import ClassSearch
classes = (ClassSearch("car"), ClassSearch("bicycle"))
collect.collect(collect.Dataset("pets", "synthetic", classes, train=8, test=4))
""",
    'print(len({place for place, _ in shown}), any("8 of 12" in text or "12 of 12" in text for _, text in shown))',
    """
import bench
shown.clear()
flags = dict(size=32, epochs=1, batch_size=8, device="cpu", precision="fp32")
table = bench.run("baseline-cnn", "pets", train_images="4,8", **flags)
""",
    'print(len({place for place, _ in shown}), any("epoch 1/1" in text for _, text in shown))',
    'print(*table[["train_images", "size", "epochs"]].itertuples(index=False, name=None), *table[["width", "head"]])',
    'bench.run("baseline-cn", "pets")',
]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The text that is left below each cell."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    client = nbclient.NotebookClient(notebook, timeout=200, kernel_name="python3", allow_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    client.execute(cwd=str(tmp_path_factory.mktemp("notebook")), env=environment)
    return ["\n".join(map(text_of, cell.outputs)) for cell in notebook.cells]


def text_of(output: nbformat.NotebookNode) -> str:
    if output.output_type == "error":
        return "\n".join(output.traceback)
    if output.output_type == "stream":
        return str(output.text)
    data = output.data
    return re.sub("<[^>]+>", "", data.get("text/html", data.get("text/plain", "")))


def test_collect_shows_one_live_table_and_leaves_a_summary(outputs: list[str]) -> None:
    assert outputs[2].strip() == "1 True"
    assert "16 train and 8 test images of 2 classes" in outputs[1]
    assert re.search(r"bicycle +8 +4", outputs[1]) and "under way" not in outputs[1]


def test_run_shows_one_bar_per_run_and_leaves_a_table_and_the_verdict(outputs: list[str]) -> None:
    assert outputs[4].strip() == "2 True"
    assert "accuracy (95 %)" in outputs[3] and "Verdict: " in outputs[3]
    assert "━" not in outputs[3]


def test_the_data_frame_holds_a_learning_curve(outputs: list[str]) -> None:
    assert outputs[5].strip() == "(4, 32, 1) (8, 32, 1) width head"


def test_an_error_is_one_line(outputs: list[str]) -> None:
    lines = [line for line in outputs[6].splitlines() if line]
    assert lines == ["Dataset pets", "baseline-cn: no such model; did you mean baseline-cnn?"]
