"""Flips every sign in the kernels, one at a time, and asks the property test of each row that uses the line whether it noticed.

`python tests/house/mutants.py [--jobs N] [--all] [ROW or FILE…]` prints the mutants that survived; exit status 1 if there are any that
`mutation_rules.py` does not explain. A sign is a binary + or -, += or -=, or a unary minus in the body of a function, but not in what a
selection reports of its progress. "Uses" is measured: a mutant belongs to a property test that executes its line. A sign of a shared file
that none of its tests executes counts as a survivor, and so does, when all rows are asked, a sign of any other file that no property test
executes.

All property tests are collected once. Every mutant is a forked child in which the changed function gets its new code, so it costs what
the tests that execute its line cost, the quickest first, up to the first that fails. A child that needs more than twice the processor time of its traced tests,
in a loop without an end for example, is killed and counts as caught.
"""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import os
import pkgutil
import resource
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import mutation_rules
import pytest

ROOT = Path(__file__).parents[2]
PRELOADED = ("scipy.special", "scipy.optimize", "scipy.spatial", "sklearn.cluster", "torch")
PATIENCE = 120
"""Seconds of processor time for the tests without a mutant, traced."""


@dataclass(frozen=True)
class Mutant:
    """One flipped sign: file, line, function, what stood there (" #2" for the second such one), and the new code of the file's functions."""

    file: str
    line: int
    function: str
    expression: str
    code: Mapping[str, CodeType]

    @property
    def key(self) -> tuple[str, str, str]:
        """What `EQUIVALENT` knows it by."""
        return self.file, self.function, self.expression


def mutants(file: Path) -> Iterator[Mutant]:
    """Every sign in a function of a file, flipped, one at a time."""
    text = file.read_text(encoding="utf-8")
    seen: Counter[tuple[str, str]] = Counter()
    for number, (function, node) in enumerate(signs(ast.parse(text))):
        before = ast.unparse(node)
        seen[function, before] += 1
        if seen[function, before] > 1:
            before += f" #{seen[function, before]}"
        tree = ast.parse(text)
        flip(list(signs(tree))[number][1])
        yield Mutant(file.name, node.lineno, function, before, dict(functions(compile(tree, str(file), "exec", dont_inherit=True))))


def signs(tree: ast.AST, inside: str = "", body: bool = False) -> Iterator[tuple[str, Any]]:
    """(Outermost function, node) of every sign in the body of a function; defaults, constants of a module and progress that is reported are none."""
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute) and tree.func.attr == "picked":
        return
    signed = isinstance(tree, ast.BinOp | ast.AugAssign) and isinstance(tree.op, ast.Add | ast.Sub)
    if body and (signed or (isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub))):
        yield inside, tree
    if isinstance(tree, ast.FunctionDef | ast.ClassDef):
        name = inside if body else f"{inside}.{tree.name}".strip(".")
        for child in tree.body:
            yield from signs(child, name, body or isinstance(tree, ast.FunctionDef))
    else:
        for child in ast.iter_child_nodes(tree):
            yield from signs(child, inside, body)


def flip(node: Any) -> None:
    """+ to -, - to +, in place."""
    if isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd()
    else:
        node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()


def functions(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    """(Qualified name, code) of the functions of a module and the methods of its classes."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and "<" not in constant.co_qualname:
            yield constant.co_qualname, constant
            yield from functions(constant)


@dataclass(frozen=True)
class Demand:
    """Tests of which one at least must fail for every mutant they can reach: in one file, or in all files but some."""

    tests: tuple[str, ...]
    file: str | None = None
    without: Collection[str] = ()

    @property
    def name(self) -> str:
        """For messages."""
        return self.file or self.tests[0]


class Mutation:
    """A pytest plugin: instead of running the tests collected it runs each against its mutants. `left` holds what survived."""

    def __init__(self, demands: Sequence[Demand], package: str, jobs: int, equivalent: Mapping[tuple[str, str, str], str]) -> None:
        self.demands, self.package, self.jobs, self.equivalent = demands, package, jobs, equivalent
        self.folder = Path()
        self.left: list[str] = []
        self.spent: Counter[str] = Counter()
        self.tried = 0
        self._running: dict[int, tuple[str, Mutant]] = {}
        self._reached: set[tuple[str, str, str]] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        package = importlib.import_module(self.package)
        self.folder = Path(package.__path__[0])
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self.package}.{module.name}")  # a child must not be the first to import it
        owners = _owners(self.folder)
        gc.freeze()  # children share this memory as long as nobody touches it
        for demand in self.demands:
            items = [item for test in demand.tests for item in session.items if item.nodeid == test or item.nodeid.startswith((f"{test}[", f"{test}::"))]
            reached = self._executed(demand.name, items)
            for file in [demand.file] if demand.file else sorted({file for file, _ in reached} - set(demand.without)):
                for mutant in mutants(self.folder / file):
                    users, seconds = reached.get((file, mutant.line), ([], 0.0))
                    self._reached.update([mutant.key] if users else [])
                    if mutant.key in self.equivalent:
                        continue
                    if users:
                        self._try(demand.name, users, mutant, owners, int(3 + 2 * seconds))
                    elif demand.file:
                        self._survived(mutant, f"{demand.name}: no test executes it")
        while self._running:
            self._wait()
        return True

    def unreached(self, files: Iterable[str]) -> None:
        """Count the mutants of these files that no test executed as survivors."""
        for file in files:
            for mutant in mutants(self.folder / file):
                if mutant.key not in self._reached and mutant.key not in self.equivalent:
                    self._survived(mutant, "everything: no property test executes it")

    def _executed(self, test: str, items: list[pytest.Item]) -> dict[tuple[str, int], tuple[list[pytest.Item], float]]:
        """(File, line) of the folder → the tests that run it, the quickest first, and their seconds while traced. All must pass."""
        if not items:
            raise pytest.UsageError(f"no test {test}")
        with tempfile.TemporaryFile("w+") as said:
            child = _child(lambda: _traced(items, f"{self.folder}{os.sep}", lambda text: (said.write(text), said.flush())))
            _, status = os.waitpid(child, 0)
            if status:
                raise pytest.UsageError(f"{test} fails before any mutation")
            said.seek(0)
            found: dict[tuple[str, int], list[tuple[float, int]]] = {}
            for line in said.read().split("\n")[:-1]:
                file, number, seconds, place = line.rsplit(":", 3)
                found.setdefault((file, int(number)), []).append((float(seconds), int(place)))
        return {where: ([items[place] for _, place in sorted(users)], sum(seconds for seconds, _ in users)) for where, users in found.items()}

    def _try(self, test: str, items: list[pytest.Item], mutant: Mutant, owners: Mapping[tuple[str, str], list[FunctionType]], patience: int) -> None:
        while len(self._running) >= self.jobs:
            self._wait()

        def mutated() -> int:
            for name, code in mutant.code.items():
                for owner in owners.get((mutant.file, name), []):
                    owner.__code__ = code
            return _run(items)

        self.tried += 1
        self._running[_child(mutated, patience)] = test, mutant

    def _wait(self) -> None:
        pid, status, usage = os.wait3(0)
        test, mutant = self._running.pop(pid)
        self.spent[test] += usage.ru_utime + usage.ru_stime
        if status == 0:
            self._survived(mutant, test)

    def _survived(self, mutant: Mutant, test: str) -> None:
        self.left.append(f"{mutant.file}:{mutant.line}: {mutant.expression}   [{mutant.function}] survives {test}")
        _say(self.left[-1])


def _owners(folder: Path) -> dict[tuple[str, str], list[FunctionType]]:
    """(File, qualified name) → the functions alive that were made there, under whatever decorators."""
    found: dict[tuple[str, str], list[FunctionType]] = {}
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__code__.co_filename.startswith(str(folder)):  # isinstance asks proxies, which may warn
            found.setdefault((Path(thing.__code__.co_filename).name, thing.__code__.co_qualname), []).append(thing)
    return found


def _run(items: list[pytest.Item]) -> int:
    for item, after in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if item.session.testsfailed:
            return 1
    return 0


def _traced(items: list[pytest.Item], prefix: str, report: Callable[[str], object]) -> int:
    """Run the tests one by one and report "file:line:seconds:position of the test" of every line each executed."""
    seen: set[tuple[str, int]] = set()

    def local(frame: FrameType, event: str, _arg: object) -> Any:
        if event == "line":
            seen.add((frame.f_code.co_filename, frame.f_lineno))
        return local

    def trace(frame: FrameType, _event: str, _arg: object) -> Any:
        return local if frame.f_code.co_filename.startswith(prefix) else None

    for place, item in enumerate(items):
        seen.clear()
        started = time.process_time()
        sys.settrace(trace)
        code = _run([item])
        sys.settrace(None)
        if code:
            return code
        seconds = time.process_time() - started
        report("".join(f"{name.removeprefix(prefix)}:{line}:{seconds:.3f}:{place}\n" for name, line in seen))
    return 0


def _child(run: Callable[[], int], patience: int = PATIENCE) -> int:
    """Fork, run, exit with what it returned; silent unless MUTANTS_LOUD is set."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 99
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (patience, patience + 5))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if not os.environ.get("MUTANTS_LOUD"):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 1)
                os.dup2(nowhere, 2)
            gc.disable()
            code = run()
        finally:
            os._exit(code)
    return child


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def mutate(demands: Sequence[Demand], package: str, jobs: int = 1, equivalent: Mapping[tuple[str, str, str], str] = mutation_rules.EQUIVALENT) -> Mutation:
    """Collect the tests in this process and run each against the mutants of a package that it reaches."""
    plugin = Mutation(demands, package, jobs, equivalent)
    from hypothesis import Phase, settings

    # A counterexample need not be small, and the same examples must come every time.
    settings.register_profile("mutants", deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate])
    os.environ["HYPOTHESIS_PROFILE"] = "mutants"
    options = ["-q", "-s", "--no-header", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout=300", "-m", ""]
    files = sorted({test.partition("::")[0] for demand in demands for test in demand.tests})
    if pytest.main([*options, *files], plugins=[plugin]) not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise SystemExit("the property tests could not be collected, or fail")
    return plugin


def demands(names: Sequence[str], everything: bool = False) -> list[Demand]:
    """What is asked of the rows and shared files named; without names of all, but not of what `OPEN` lists unless everything is wanted."""
    table = tomllib.loads((ROOT / "src" / "querist" / "acquire" / "methods.toml").read_text(encoding="utf-8"))
    asked = [name for name, row in table.items() if (name in names if names else mutation_rules.demanded(name, row))]
    without = {*mutation_rules.SHARED, *mutation_rules.EXCLUDED}
    found = [Demand((test,), without=without) for test in sorted({str(table[name]["property"]) for name in asked})]
    found += [Demand(tests, file) for file, tests in mutation_rules.SHARED.items() if not names or file in names]
    return [demand for demand in found if names or everything or demand.name not in mutation_rules.OPEN]


def main(arguments: Sequence[str]) -> int:
    """Print the survivors among the rows named, or among all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="rows of methods.toml or shared kernel files")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="what is known to let mutants through as well")
    asked = parser.parse_args(arguments)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT / "src"))
    for module in PRELOADED:
        if find_spec(module.partition(".")[0]):
            importlib.import_module(module)
    plugin = mutate(demands(asked.names, asked.all), "querist.kernels", asked.jobs)
    if not asked.names:
        files = {file.name for file in (ROOT / "src" / "querist" / "kernels").glob("*.py")}
        plugin.unreached(sorted(files - set(mutation_rules.EXCLUDED) - set(mutation_rules.SHARED)))
    for name, seconds in plugin.spent.most_common():
        _say(f"{seconds:7.1f} s  {name}")
    _say(f"{plugin.tried} mutants, {len(plugin.left)} survived, {sum(plugin.spent.values()):.0f} s")
    return int(bool(plugin.left))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
