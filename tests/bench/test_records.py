"""run.json is read strictly, and every key of it is documented."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from bench.experiment import run
from bench.records import CodeInfo, Cost, DatasetInfo, DeviceInfo, Epoch, ModelInfo, RecordError, Result, Run, read_run

DOCS = Path(__file__).resolve().parents[2] / "docs" / "bench.md"


@pytest.fixture
def record(easy: Path, small_plan) -> dict[str, Any]:
    """The JSON of a real run."""
    run(small_plan("baseline-cnn", "easy", easy, epochs=1), lambda event: None)
    return json.loads((Path(small_plan("baseline-cnn", "easy", easy).folder) / "run.json").read_text())


def test_wrong_keys_types_and_statuses_are_rejected_with_file_and_key(record: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    changes = [
        (lambda r: r["result"].update(status="finished"), 'key "result.status" must be done or stalled or failed'),
        (lambda r: r.update(colour="red"), 'unknown key "colour"'),
        (lambda r: r["cost"].pop("total_seconds"), 'key "cost.total_seconds" is missing'),
        (lambda r: r["epochs"][0].update(seconds="3"), "key \"epochs[0].seconds\" must be a number, not '3'"),
        (lambda r: r.update(seed=True), 'key "seed" must be a whole number, not True'),
    ]
    for change, message in changes:
        values = json.loads(json.dumps(record))
        change(values)
        path.write_text(json.dumps(values))
        with pytest.raises(RecordError) as caught:
            read_run(path)
        assert str(caught.value).startswith(f"{path}: {message}")


def test_a_record_of_another_schema_or_half_written_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"schema": "vggbench.run/2"}')
    with pytest.raises(RecordError, match=r"schema is 'vggbench\.run/2'"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text('{"schema": "vggbench.run/1", "run": ')
    with pytest.raises(RecordError, match=r"run\.json: not valid JSON"):
        read_run(tmp_path)


@pytest.mark.parametrize("kind", [Run, DatasetInfo, ModelInfo, DeviceInfo, CodeInfo, Epoch, Result, Cost])
def test_every_key_of_a_record_is_documented(kind: type) -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert [f.name for f in dataclasses.fields(kind) if f"`{f.name}`" not in text] == []
