"""House rules that a linter does not hold: read from the syntax tree, one rule a test."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = sorted((ROOT / "src").rglob("*.py"))
PICKLES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
SEEDING = {
    "random.seed", "np.random.seed", "numpy.random.seed", "torch.manual_seed", "torch.seed", "torch.cuda.manual_seed", "torch.cuda.manual_seed_all",
    "torch.random.manual_seed", "seed_everything", "np.random.set_state", "numpy.random.set_state",
}  # fmt: skip
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")


def dotted(node: ast.expr) -> str:
    """`a.b.c` of an attribute chain, or an empty text."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


def keyword(call: ast.Call, name: str) -> object:
    """The constant given to a keyword of a call, or None."""
    return next((word.value.value for word in call.keywords if word.arg == name and isinstance(word.value, ast.Constant)), None)


def forked(tree: ast.AST) -> set[ast.AST]:
    """Nodes inside `with torch.random.fork_rng(…)`: a seed set there is undone at its end."""
    inside: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and any(
            isinstance(item.context_expr, ast.Call) and dotted(item.context_expr.func).endswith("fork_rng") for item in node.items
        ):
            inside.update(ast.walk(node))
    return inside


def bare_excepts(tree: ast.AST, _path: Path) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and (node.type is None or dotted(node.type) == "BaseException"):
            # `except BaseException` may clean up, but what it caught must go on.
            if node.type is None or not any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node)):
                yield node


def global_seeds(tree: ast.AST, _path: Path) -> Iterator[ast.AST]:
    inside = forked(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func) in SEEDING and node not in inside:
            yield node


def pickles(tree: ast.AST, _path: Path) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(alias.name.partition(".")[0] in PICKLES for alias in node.names):
            yield node
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in PICKLES:
            yield node
        elif isinstance(node, ast.Call) and keyword(node, "allow_pickle") is True:
            yield node
        elif isinstance(node, ast.Call) and dotted(node.func) == "torch.load" and keyword(node, "weights_only") is not True:
            yield node


def prints(tree: ast.AST, path: Path) -> Iterator[ast.AST]:
    if "cli" in path.relative_to(ROOT / "src" / "querist").parts:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func) in {"print", "pprint", "pprint.pprint", "sys.stdout.write"}:
            yield node


def stubs(tree: ast.AST, _path: Path) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if dotted(raised) == "NotImplementedError":
                yield node


RULES = (bare_excepts, global_seeds, pickles, prints, stubs)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", SOURCE, ids=lambda path: path.relative_to(ROOT / "src").as_posix())
def test_the_source_has_no(rule: Callable[[ast.AST, Path], Iterator[ast.AST]], path: Path) -> None:
    broken = [node.lineno for node in rule(ast.parse(path.read_text(encoding="utf-8")), path)]
    assert not broken, f"{path.relative_to(ROOT)}: lines {broken}"


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (bare_excepts, "try:\n    f()\nexcept:\n    pass"),
        (bare_excepts, "try:\n    f()\nexcept BaseException:\n    pass"),
        (global_seeds, "import torch\ntorch.manual_seed(0)"),
        (pickles, "from pickle import dumps"),
        (pickles, "torch.load(path)"),
        (pickles, "np.load(path, allow_pickle=True)"),
        (prints, "print('here')"),
        (stubs, "raise NotImplementedError('later')"),
    ],
)
def test_each_rule_sees_what_it_forbids(rule: Callable[[ast.AST, Path], Iterator[ast.AST]], code: str) -> None:
    assert list(rule(ast.parse(code), ROOT / "src" / "querist" / "learn" / "some.py"))


def test_a_seed_inside_a_fork_is_allowed() -> None:
    code = "with torch.random.fork_rng(devices=[]):\n    torch.manual_seed(seed)\n    net = make()"
    assert not list(global_seeds(ast.parse(code), ROOT))


def test_nothing_is_left_unfinished() -> None:
    folders = ("src", "tests", "docs", "examples", "benchmarks")
    texts = [path for folder in folders for suffix in ("py", "md", "toml", "js", "html", "css") for path in (ROOT / folder).rglob(f"*.{suffix}")]
    found = [str(path.relative_to(ROOT)) for path in texts if UNFINISHED.search(path.read_text(encoding="utf-8"))]
    assert texts
    assert not found
