"""From axes to cells: names that stay, settings that go where they belong, and mistakes that are named."""

import tomllib

import pytest

from querist.bench.plan import BenchSpec
from querist.bench.spec import StudySpec
from querist.bench.suites import bench_of, suites
from querist.core.errors import UsageError
from querist.data.datasets import named

pytestmark = pytest.mark.torchless

WHOLE = """
about = "everything"
datasets = ["penbased", "digits"]
variants = ["plain", "longtail50+noise10"]
methods = ["margin"]
seeds = 3
budget = 100
batches = [5, 50]

[recipes.mlp]
recipe = "mlp"
steps = 50
[recipes.head]
recipe = "features-head"
encoder = "tfidf"

[budgets.low]
initial = 10
[budgets.high]
initial = 40

[cells."digits+longtail50+noise10.mlp.low.b5"]
metric = "balanced_accuracy"
seeds = 7

[cells."penbased*.head.*"]
skip = true
"""


def bench(text, name="mine"):
    return BenchSpec.from_text(text, name)


def test_axes_expand_into_cells_with_names_that_say_where_they_lie():
    cells = {cell.name: cell.spec for cell in bench(WHOLE).expand()}
    assert len(cells) == 2 * 2 * 2 * 2 * 2 - 8
    assert list(cells)[:2] == ["penbased.mlp.low.b5", "penbased.mlp.low.b50"]
    one = cells["digits.head.high.b50"]
    assert (one.dataset, one.initial, one.batch, one.budget, one.seeds, one.methods) == ("digits", 40, 50, 100, 3, ("random", "margin"))
    assert one.learner_options() == {"recipe": "features-head", "encoder": "tfidf"} and one.title == "digits.head.high.b50"
    special = cells["digits+longtail50+noise10.mlp.low.b5"]
    assert (special.dataset, special.metric, special.seeds) == ("digits+longtail50+noise10", "balanced_accuracy", 7)
    assert special.learner_options() == {"recipe": "mlp", "steps": 50}
    assert not any(name.startswith("penbased") and "head" in name for name in cells)


def test_a_plain_study_is_a_bench_of_one_cell(tmp_path):
    text = 'dataset = "digits+noise10"\nmethods = ["margin"]\nseeds = 4\nworkers = 3\n[learner]\nrecipe = "mlp"\n'
    (tmp_path / "one.toml").write_text(text)
    (cell,) = bench_of(str(tmp_path / "one.toml")).expand()
    same = StudySpec.from_toml(tmp_path / "one.toml")
    assert cell.name == "digits+noise10" and cell.spec.sha256 == same.sha256 and cell.spec.workers == 3


def test_an_axis_of_one_value_is_in_the_name_so_that_a_second_renames_nothing():
    text = 'datasets = ["digits"]\ninitials = [{}]\n'
    one, more = ({cell.name: cell.spec.run_sha256 for cell in bench(text.format(values)).expand()} for values in ("20", "20, 40"))
    assert list(one) == ["digits.i20"] and one.items() <= more.items()


def test_starting_budgets_regimes_and_query_sizes_need_no_other_axes():
    assert [cell.spec.initial for cell in bench('datasets = ["digits"]\ninitials = [10, 40]').expand()] == [10, 40]
    assert [cell.spec.batch for cell in bench('datasets = ["digits"]\nbatches = [1, 10]').expand()] == [1, 10]
    (regime,) = bench('datasets = ["digits"]\n[budgets.tiny]\ninitial = 2\nbatch = 3\nbudget = 9').expand()
    assert regime.name == "digits.tiny" and regime.spec.budgets == (2, 5, 8, 9)


def test_roots_go_with_the_data_set_and_its_variants():
    cells = bench('datasets = ["digits", "stamps"]\nvariants = ["plain", "shift"]\n[roots]\nstamps = "/there"').expand()
    assert {cell.name: cell.spec.root for cell in cells} == {"digits": None, "digits+shift": None, "stamps": "/there", "stamps+shift": "/there"}


def test_the_final_test_set_is_opened_by_the_command_alone():
    with pytest.raises(UsageError, match=r"cannot open the final test set.*--final"):
        bench('dataset = "digits"\nfinal = true')
    spec = bench('dataset = "digits"\nfinal = false')
    assert not spec.expand()[0].spec.final and spec.expand(final=True)[0].spec.final


def test_the_digest_follows_what_decides_results_and_no_name():
    text = 'datasets = ["digits"]\nbatches = [5]\n'
    spec = bench(text)
    assert bench(text, "other").sha256 == spec.sha256 and bench(text + "workers = 7").sha256 == spec.sha256
    assert bench(text + "seeds = 9").sha256 != spec.sha256
    assert bench(text + 'metric = "balanced_accuracy"').sha256 != spec.sha256


def test_later_settings_leave_digests_of_older_studies_as_they_are():
    plain = StudySpec.of({"dataset": "digits"})
    changed = StudySpec.of({"dataset": "digits", "metric": "balanced_accuracy", "saturation": True})
    assert changed.run_sha256 == plain.run_sha256 and changed.sha256 != plain.sha256
    assert plain.sha256.startswith("2b630bd9832f")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("datasets = digits", "not valid TOML"),
        ("methods = ['margin']", "needs the setting 'datasets'"),
        ("datasets = []", "datasets"),
        ("datasets = ['digits']\nbaches = [3]", "unknown setting 'baches' in the bench"),
        ("datasets = ['digits']\nshared = 3", "unknown setting 'shared'"),
        ("datasets = ['digits']\ndataset = 'wine'", "one of dataset and datasets"),
        ("datasets = ['digits', 'digits']", "'digits' stands there twice"),
        ("datasets = ['digits']\nbatches = [5]\nbatch = 5", "batch is set for all studies, and batches vary it"),
        ("datasets = ['digits']\nbatches = [5]\n[budgets.low]\nbatch = 5", "batch is set by the budget 'low'"),
        ("datasets = ['digits']\nrecipe = 'mlp'\n[recipes.mlp]\nrecipe = 'mlp'", "recipes vary it"),
        ("datasets = ['digits']\n[budgets.low]\nseeds = 5", r"unknown setting 'seeds' in \[budgets.low\]"),
        ("datasets = ['digits']\n[cells.wine]\nseeds = 5", "there is no cell 'wine'; wanted digits"),
        ("datasets = ['digits']\n[cells.digits]\nworkers = 5", "unknown setting 'workers'"),
        ("datasets = ['digits']\n[cells.digits]\nskip = true", "leaves out all of its cells"),
        ("datasets = ['digits']\nbatches = [0]", "batches"),
        ("datasets = ['../x']", "cannot be part of the name"),
        ("datasets = ['digits']\n[recipes.'a.b']\nrecipe = 'mlp'", "cannot be part of the name"),
        ("datasets = ['digits']\n[roots]\nstamps = '/x'", "a root is given for 'stamps'"),
        ("datasets = ['digits']\n[budgets.low]\ninitial = 900", "cell digits.low: .*initial"),
        ("datasets = ['digits']\nseeds = 'many'", "cell digits: bad value for 'seeds'"),
        ("datasets = ['digits']\nworkers = 0", "bad value for 'workers' in the bench"),
    ],
)
def test_mistakes_are_named(text, words):
    with pytest.raises(UsageError, match=words):
        bench(text).expand()


def test_suites_are_there_in_order_of_cost_and_can_run():
    known = suites()
    assert list(known) == ["smoke", "small", "full"]
    with pytest.raises(UsageError, match="smoke, small, full"):
        bench_of("huge")
    with pytest.raises(UsageError, match="cannot read"):
        bench_of("huge.toml")
    for spec in known.values():
        assert spec.cpu_minutes and spec.about and len(spec.expand()) > 2
    assert known["smoke"].cpu_minutes <= 3
    pytest.importorskip("sklearn")
    for cell in known["smoke"].expand():
        assert len(named(cell.spec.dataset).candidates) >= cell.spec.budget


def test_the_example_of_the_pages_is_valid_toml():
    assert tomllib.loads(WHOLE)["cells"]


def test_ablated_strategies_run_beside_the_whole_in_every_cell():
    cells = bench(
        'datasets = ["wine"]\nmethods = ["margin"]\nbatches = [5, 10]\nablate = ["badge", "narrow"]\n[strategies.narrow]\nuse = "subsample"\nsize = 50\n'
    ).expand()
    for cell in cells:
        assert cell.spec.methods == ("random", "margin", "badge", "narrow", "badge-no-embed", "badge-no-selector", "narrow-no-inner", "narrow-bare")
        assert cell.spec.strategy("narrow") == {"use": "subsample", "size": 50} and cell.spec.strategy("badge") == "badge"
        assert cell.spec.strategy("badge-no-embed") == {"use": "badge", "embed": {"use": "querist.acquire.embeddings:Features"}}
    assert StudySpec.of(cells[0].spec.model_dump(mode="json")) == cells[0].spec
    with pytest.raises(UsageError, match="margin has no part"):
        bench('datasets = ["wine"]\nablate = ["margin"]\n').expand()


def test_a_recipe_of_an_axis_may_be_of_another_track():
    plain, strong = bench('datasets = ["digits"]\n[recipes.plain]\nsteps = 5\n[recipes.strong]\ntrack = "strong"\nsteps = 5\n').expand()
    assert (plain.spec.track, strong.spec.track) == ("plain", "strong") and plain.spec.run_sha256 != strong.spec.run_sha256
    assert strong.spec.learner_options() == {"steps": 5, "track": "strong"}


def test_a_recipe_of_an_axis_may_bring_a_network_and_a_scheme_of_its_own():
    network = {"use": "querist.nets.residual:Residual", "blocks": 2}
    (cell,) = bench('datasets = ["digits"]\n[recipes.deep]\nrecipe = "active_inas"\nscheme = { use = "free_labels", each = 3 }\n'
                    'network = { use = "querist.nets.residual:Residual", blocks = 2 }\n').expand()  # fmt: skip
    assert cell.spec.learner_options() == {"recipe": "active_inas", "network": network, "scheme": {"use": "free_labels", "each": 3}}
