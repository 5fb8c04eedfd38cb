"""Write the recipe of `collect CLASS...` back into the working directory's datasets.toml, comments kept."""

from pathlib import Path

from collect.datasets import Dataset, dataset_table, shipped_file
from collect.errors import UsageError
from collect.manifest import atomic_write

OWN_FILE = "datasets.toml"


def remember_recipe(dataset: Dataset, directory: Path | None = None) -> str:
    """Put `dataset` into `directory`/datasets.toml, so that `collect --dataset NAME` repeats it.

    Only what differs is touched. The shipped file of a checkout is left as it is: a line for the user says so, "" else.
    """
    import tomlkit  # late: drawing a dataset works without it
    from tomlkit.exceptions import ParseError

    path = (directory or Path.cwd()) / OWN_FILE
    if path.resolve() == shipped_file().resolve():
        return f"its recipe was not added to {path}, which ships with vggbench; its own dataset.toml has it"
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.is_file() else tomlkit.document()
    except ParseError as err:
        raise UsageError(f"{path}: not valid TOML: {err}") from err
    table = document.get(dataset.name)
    if table is None:
        table = tomlkit.table()
        document[dataset.name] = table
    wanted = dataset_table(dataset)
    for key in [k for k in table if k not in wanted and k != "bench"]:
        del table[key]
    for key, value in wanted.items():
        if key != "bench" and table.get(key) != value:
            table[key] = value
    with atomic_write(path) as out:
        out.write(tomlkit.dumps(document))
    return ""
