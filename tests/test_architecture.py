"""The structure that docs/architecture.md describes, checked on the real import graph of the three packages."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import takewhile
from pathlib import Path

import networkx
import pytest

from tests.forked import ROOT

PACKAGES = ("collect", "bench", "reports")
MOST_LINES, MOST_PARAMETERS = 60, 6
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in FILES}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def nodes_at_run_time(path: Path) -> Iterator[ast.AST]:
    """All nodes of a module, imports inside functions included, those for type checkers alone left out."""
    pending: list[ast.AST] = [tree(path)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        pending += ast.iter_child_nodes(node)


def imported_modules(path: Path) -> set[str]:
    """Modules of the three packages that a module imports; `from package import module` counts as that module."""
    names: set[str] = set()
    for node in nodes_at_run_time(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                names.add(submodule if submodule in MODULES else node.module)
    return {name for name in names if name in MODULES and name != module_name(path)}


IMPORTS = {name: imported_modules(path) for name, path in MODULES.items()}


def folder(name: str) -> str:
    """The folder below its package that a module lies in; a module at the top of its package is its own."""
    parts = MODULES[name].relative_to(ROOT).parts
    return ".".join(parts[:2]) if len(parts) > 2 else name


def cycles(edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    graph = networkx.DiGraph([(start, end) for start, ends in edges.items() for end in ends])
    return [sorted(found) for found in networkx.strongly_connected_components(graph) if len(found) > 1]


def test_no_module_imports_itself_by_a_detour() -> None:
    # a package's own __init__ only hands on names, lazily
    assert cycles({name: ends - set(PACKAGES) for name, ends in IMPORTS.items() if name not in PACKAGES}) == []


def test_no_folder_imports_itself_by_a_detour() -> None:
    edges: dict[str, set[str]] = defaultdict(set)
    for name, ends in IMPORTS.items():
        if name not in PACKAGES:
            edges[folder(name)] |= {folder(end) for end in ends - set(PACKAGES)} - {folder(name)}
    assert cycles(edges) == []


def documented_order(package: str) -> list[str]:
    """The modules and folders of a package in the order of the tree in docs/architecture.md."""
    lines = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines()
    rest = lines[lines.index(f"    {package}/") + 1 :]
    return [f"{package}.{line.split()[0].rstrip('/')}" for line in takewhile(lambda x: x.startswith("      "), rest)]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_documented_tree_is_complete_and_imports_only_go_down(package: str) -> None:
    order = documented_order(package)
    edges = {(folder(name), folder(end)) for name, ends in IMPORTS.items() for end in ends - set(PACKAGES)}
    inside = {(start, end) for start, end in edges if start != end and start in order and end.startswith(package)}
    rooms = {folder(name) for name in MODULES if name.startswith(f"{package}.")} - {f"{package}.__main__"}
    assert rooms == {place for place in order if place != "reports.templates"}
    assert [f"{start} -> {end}" for start, end in inside if order.index(start) > order.index(end)] == []


@pytest.mark.parametrize("name", [name for name in MODULES if name not in PACKAGES])
def test_a_folder_is_entered_through_its_init(name: str) -> None:
    past = {end for end in IMPORTS[name] if folder(end) != folder(name) and end not in (folder(end), *PACKAGES)}
    assert past == set()


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def is_explained(path: Path, function: Function) -> bool:
    """Whether a comment directly above a function or beside its first line gives the reason for its size."""
    first = min([function.lineno, *(d.lineno for d in function.decorator_list)])
    lines = path.read_text(encoding="utf-8").splitlines()
    return lines[first - 2].lstrip().startswith("#") or "  # " in lines[function.lineno - 1]


def is_command(function: Function) -> bool:
    """Whether a function is a command, whose parameters are its options."""
    return any("command" in ast.unparse(d) or "callback" in ast.unparse(d) for d in function.decorator_list)


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_functions_fit_on_a_screen_and_take_few_parameters(path: Path) -> None:
    for function in functions(path):
        arguments = function.args
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        few = len([n for n in names if n not in ("self", "cls")]) <= MOST_PARAMETERS
        short = (function.end_lineno or 0) - function.lineno < MOST_LINES
        assert (few and short) or is_command(function) or is_explained(path, function), f"{path}: {function.name}"


def test_class_names_are_unique_over_the_project() -> None:
    names = Counter(node.name for path in FILES for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []


def test_files_stay_readable() -> None:
    assert {module_name(p): n for p in FILES if (n := len(p.read_text(encoding="utf-8").splitlines())) > 250} == {}
    assert not [path for path in FILES if path.stem in ("utils", "util", "helpers", "misc")]
