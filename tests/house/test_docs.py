"""The documentation is tested like code: what exists is documented, what is documented exists, what is generated is fresh."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from querist.core import errors

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CLI = pytest.mark.skipif(find_spec("querist.cli.main") is None, reason="the command line is not there yet")
ERRORS = sorted(name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, errors.QueristError))
PARTS: list[dict[str, Any]] = tomllib.loads((ROOT / "src/querist/acquire/survey.toml").read_text(encoding="utf-8"))["part"]


@pytest.fixture(scope="module")
def pages() -> Iterator[Any]:
    """The module docs/gen/pages.py, importable for this file only."""
    sys.path.insert(0, str(DOCS / "gen"))
    try:
        yield import_module("pages")
    finally:
        sys.path.remove(str(DOCS / "gen"))
        for name in ("pages", "commands", "methods", "survey"):
            sys.modules.pop(name, None)


def leaves(commands: Mapping[str, Any], prefix: str = "querist") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name."""
    for name, command in commands.items():
        if children := getattr(command, "commands", None):
            yield from leaves(children, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


@CLI
def test_every_command_has_a_heading_and_no_heading_is_left_over(pages: Any) -> None:
    headings = re.findall(r"^#+ `(querist [^`]+)`$", (DOCS / "commands.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    names = [name for name, _ in leaves(pages.command_tree())]
    assert set(names) <= set(headings)
    assert all(any(name == heading or name.startswith(f"{heading} ") for name in names) for heading in headings)


@CLI
def test_every_command_has_a_help_text_with_an_example(pages: Any) -> None:
    assert [name for name, command in leaves(pages.command_tree()) if f"{name}" not in (command.help or "")] == []


@CLI
def test_every_option_says_what_it_does(pages: Any) -> None:
    silent = [
        f"{name} {parameter.opts[0]}"
        for name, command in leaves(pages.command_tree())
        for parameter in command.params
        if parameter.param_type_name == "option" and not getattr(parameter, "hidden", False) and not (parameter.help or "").strip()
    ]
    assert silent == []


def test_the_committed_generated_pages_are_fresh() -> None:
    done = subprocess.run([sys.executable, str(DOCS / "gen" / "pages.py"), "--check"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_documented_with_its_builtin(name: str) -> None:
    kind = getattr(errors, name)
    row = next((line for line in (DOCS / "errors.md").read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{name}` ")), "")
    builtin = next(base.__name__ for base in kind.__mro__ if base.__module__ == "builtins")
    assert f"`{builtin}`" in row
    assert inspect.getdoc(kind)


def test_every_row_of_the_catalogue_has_a_page(pages: Any) -> None:
    rows = pages.catalogue_rows()
    made = pages.pages()
    for row in rows:
        page = made[f"methods/{row['name']}.md"]
        assert str(row["paper"]) in page
        assert f"({row['name']}.md)" in made["methods/index.md"]


def test_every_scheme_has_a_page_that_the_index_names(pages: Any) -> None:
    index = (DOCS / "schemes" / "index.md").read_text(encoding="utf-8")
    heads = {file.name: file.read_text(encoding="utf-8").partition("\n")[0] for file in sorted((DOCS / "schemes").glob("*.md"))}
    for row in pages.catalogue_rows():
        if row["type"] == "scheme":
            own = [name for name, head in heads.items() if name == f"{row['name']}.md" or row["name"] in head]
            assert own, f"no page in docs/schemes names {row['name']} in its title"
            assert any(f"({name})" in index for name in own)
    assert all(f"({name})" in index for name in heads if name != "index.md")


def test_a_page_tells_what_its_row_says(pages: Any) -> None:
    row = {"name": "some", "type": "strategy", "family": "uncertainty", "paper": "Somebody 2020", "needs": ["probs"], "cost": "O(n)", "status": "runs"}
    row |= {"deviations": "None but one.", "formula": "$p_1$", "provides": []}
    page = pages.methods.render([row])["some.md"]
    for text in ("Somebody 2020", "| needs | probs |", "## Deviations from the paper\n\nNone but one.", "## Formula"):
        assert text in page
    assert "provides" not in page
    row |= {
        "type": "wrapper",
        "parameters": {"inner": "margin", "budget": None},
        "needs": ["gradients", "costs"],
        "evidence": {"property": "tests/a.py::test_b"},
    }
    page = pages.methods.render([row])["some.md"]
    for text in ('| `inner` | `"margin"` |', "| `budget` | `null` |", "- property: `tests/a.py::test_b`", "## Evidence"):
        assert text in page
    assert "querist select --method some -k 100 --probs p.npy --features h.npy --costs c.npy -o batch.csv" in page


def test_the_survey_is_complete_and_computes_its_status(pages: Any) -> None:
    names = [entry["name"] for part in PARTS for entry in part["entries"]]
    assert len(names) == len(set(names))
    assert [f"claim_{n}" in names for n in range(1, 19)] == [True] * 18
    page = pages.survey.render(PARTS, [{"name": "margin", "status": "proved", "evidence": {"property": "tests/a.py::test_b", "fair_run": None}}])
    assert "| margin, best versus second best | `margin` | proved | tests/a.py::test_b | 1 |" in page
    assert "| predictive entropy | `entropy` | planned |  | 1 |" in page
    assert f"1 of {len(names)} are there." in page


def test_a_claim_is_recorded_once_its_page_has_a_verdict(pages: Any, tmp_path: Path) -> None:
    for name, text in (("claim_1", "# Claim 1\n\n**Verdict: depends.** On much.\n"), ("claim_2", "# Claim 2\n\nStill running.\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.md").write_text(text, encoding="utf-8")
    claims = pages.survey.verdicts(tmp_path)
    assert claims == {"claim_1": "depends"}
    page = pages.survey.render(PARTS, [], claims)
    assert "| study `claim_1` | recorded | [depends](results/claim_1/index.md) | 3 |" in page
    assert "| study `claim_2` | planned |  | 3 |" in page


def test_every_strategy_of_the_catalogue_is_in_the_survey(pages: Any) -> None:
    listed = {entry.get("row") for part in PARTS for entry in part["entries"]}
    ours = ("recipe", "refit", "inference", "scheme", "wrapper")  # plain training, its settings and compositions are nobody's system
    assert [row["name"] for row in pages.catalogue_rows() if row["type"] not in ours and row["name"] not in listed] == []


def test_decisions_are_numbered_listed_and_shaped_alike() -> None:
    records = sorted(path for path in (DOCS / "decisions").glob("[0-9]*.md"))
    index = (DOCS / "decisions" / "index.md").read_text(encoding="utf-8")
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    for path in records:
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == ["Context", "Options", "Choice", "Consequences"]
        assert path.name in index
        assert f"decisions/{path.name}" in navigation


def test_the_links_of_the_readme_lead_somewhere() -> None:
    for page in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        targets = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8"))
        assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


def test_the_makefile_is_small_and_every_target_says_what_it_does() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = next(line for line in text.splitlines() if line.startswith(".PHONY:")).split()[1:]
    assert len(phony) <= 10
    assert sorted(re.findall(r"^([a-z-]+):.*## ", text, flags=re.MULTILINE)) == sorted(phony)
