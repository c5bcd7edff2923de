"""`querist select`: real files of every format, what comes out, and every way in which an input can be wrong."""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import querist as library
from querist.adapters.selecting import select_files
from querist.core.rng import stream

pytestmark = pytest.mark.torchless

N = 60
DRAW = stream(4, 0, "oracle")
PROBS = DRAW.dirichlet(np.ones(3), size=N).astype(np.float32)
SAMPLES = DRAW.dirichlet(np.ones(3), size=(N, 4)).astype(np.float32)
FEATURES = DRAW.normal(size=(N, 5)).astype(np.float32)
IDS = [f"item-{row}" for row in range(N)]
PARQUET = pytest.mark.skipif(find_spec("pyarrow") is None, reason="needs pyarrow")
TENSORS = pytest.mark.skipif(find_spec("safetensors") is None, reason="needs safetensors")


def picked(file: str) -> list[str]:
    """The ids of a CSV that was written, in their order."""
    with Path(file).open(encoding="utf-8", newline="") as stream_:
        return [row["id"] for row in csv.DictReader(stream_)]


def fixed(values: np.ndarray):
    """An array as a Parquet column of (nested) fixed-size lists."""
    import pyarrow as pa

    column = pa.array(values.reshape(-1))
    for width in values.shape[:0:-1]:
        column = pa.FixedSizeListArray.from_arrays(column, width)
    return column


def test_numpy_files_in_a_csv_out(querist):
    np.save("p.npy", PROBS)
    np.save("h.npy", FEATURES)
    Path("done.txt").write_text("3\n14\n\n15\n", encoding="utf-8")
    wanted = library.select("badge", 7, probs=PROBS, features=FEATURES, labelled=["3", "14", "15"], seed=5)
    base = ("select", "--method", "badge", "-k", "7", "--probs", "p.npy", "--features", "h.npy", "-o", "b.csv")
    said = querist(*base, "--labelled", "done.txt", "--seed", "5", "--json")
    assert said.code == 0, said.err
    assert set(said.json) == {"selected", "seconds", "passes", "peak_bytes", "out", "resumed"}
    assert (said.json["selected"], said.json["out"]) == (7, "b.csv")
    assert 0 < said.json["peak_bytes"] < 1 << 24
    with Path("b.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(row["id"] for row in rows) == wanted.ids
    assert [row["rank"] for row in rows] == [str(rank) for rank in range(1, 8)]
    assert tuple(float(row["score"]) for row in rows) == wanted.scores
    assert tuple(row["note"] for row in rows) == wanted.note
    assert "nearest labelled" in rows[0]["note"]
    assert "7 of 7 chosen" in querist(*base).out


@PARQUET
def test_parquet_with_fixed_size_lists(querist):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"id": IDS, "probs": fixed(SAMPLES)}), "p.parquet", row_group_size=17)
    pq.write_table(pa.table({"id": IDS, "embedding": fixed(FEATURES.astype(np.float64))}), "h.parquet")
    pq.write_table(pa.table({"id": IDS, "features": [list(map(float, row)) for row in FEATURES]}), "ragged.parquet")
    for features in ("h.parquet", "ragged.parquet"):
        said = querist("select", "--method", "badge", "-k", "9", "--probs", "p.parquet", "--features", features, "-o", "b.parquet")
        assert said.code == 0, said.err
        assert tuple(pq.read_table("b.parquet")["id"].to_pylist()) == library.select("badge", 9, probs=SAMPLES, features=FEATURES, ids=IDS).ids
    assert pq.read_table("b.parquet").column_names == ["id", "rank", "score", "note"]
    limited = querist("select", "--method", "badge", "-k", "9", "--probs", "p.parquet", "--features", "h.parquet", "--max-bytes", "512", "-o", "c.csv")
    assert limited.code == 0, limited.err
    assert picked("c.csv") == pq.read_table("b.parquet")["id"].to_pylist()


@TENSORS
def test_safetensors_are_mapped(querist):
    from safetensors.numpy import save_file

    save_file({"probs": PROBS, "features": FEATURES.astype(np.float16)}, "model.safetensors", metadata={"made": "here"})
    for name in ("coreset", "badge"):
        said = querist("select", "--method", name, "-k", "9", "--probs", "model.safetensors", "--features", "model.safetensors", "-o", "b.csv")
        assert said.code == 0, said.err
        assert tuple(picked("b.csv")) == library.select(name, 9, probs=PROBS, features=FEATURES.astype(np.float16)).ids


@TENSORS
def test_bfloat16_tensors(querist):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    half = torch.from_numpy(FEATURES).bfloat16()
    save_file({"features": half}, "h.safetensors")
    assert querist("select", "--method", "coreset", "-k", "9", "--features", "h.safetensors", "-o", "b.csv").code == 0
    assert tuple(picked("b.csv")) == library.select("coreset", 9, features=half).ids == library.select("coreset", 9, features=half.float().numpy()).ids


def test_npz_with_ids_and_pairs_and_jsonl_out(querist):
    residual = (PROBS - np.eye(3, dtype=np.float32)[PROBS.argmax(axis=1)]).astype(np.float32)
    np.savez("g.npz", ids=IDS, residual=residual, feature=FEATURES)
    assert querist("select", "--method", "badge", "-k", "5", "--gradients", "g.npz", "-o", "b.jsonl").code == 0
    rows = [json.loads(line) for line in Path("b.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [list(row) for row in rows] == [["id", "rank", "score", "note"]] * 5
    assert tuple(row["id"] for row in rows) == library.select("badge", 5, gradients=(residual, FEATURES), ids=IDS).ids


def test_tables_of_text(querist):
    lines = ["id,a,b,c", *(f"{item},{','.join(map(repr, map(float, row)))}" for item, row in zip(IDS, PROBS, strict=True))]
    Path("p.csv").write_text("\n".join(lines), encoding="utf-8")
    Path("costs.jsonl").write_text("".join(json.dumps({"id": item, "costs": 1 + row % 3}) + "\n" for row, item in enumerate(IDS)), encoding="utf-8")
    Path("done.csv").write_text("id,label\nitem-4,2\nitem-1,0\n", encoding="utf-8")
    said = querist("select", "--method", "cost_aware", "-k", "6", "--probs", "p.csv", "--costs", "costs.jsonl", "--labelled", "done.csv", "-o", "b.csv")
    assert said.code == 0, said.err
    costs = np.array([1 + row % 3 for row in range(N)])
    assert tuple(picked("b.csv")) == library.select("cost_aware", 6, probs=PROBS, costs=costs, labelled=["item-1", "item-4"], ids=IDS).ids
    said = querist("select", "--method", "class_balance", "-k", "6", "--probs", "p.csv", "--labelled", "done.csv", "--labels", "done.csv", "-o", "b.csv")
    assert said.code == 0, said.err
    assert tuple(picked("b.csv")) == library.select("class_balance", 6, probs=PROBS, labelled=["item-4", "item-1"], labels=[2, 0], ids=IDS).ids


def test_labelled_as_a_mask_and_as_features(querist):
    np.save("h.npy", FEATURES)
    np.save("mask.npy", np.arange(N) % 7 == 2)
    np.save("other.npy", FEATURES[:4] + 1)
    for file, given in (("mask.npy", np.arange(N) % 7 == 2), ("other.npy", FEATURES[:4] + 1)):
        assert querist("select", "--method", "coreset", "-k", "6", "--features", "h.npy", "--labelled", file, "-o", "b.csv").code == 0
        assert tuple(picked("b.csv")) == library.select("coreset", 6, features=FEATURES, labelled=given).ids


def test_ids_statistics_parameters_and_wrappers(querist):
    np.save("p.npy", PROBS)
    np.save("c.npy", np.linspace(1, 2, N))
    Path("ids.txt").write_text("\n".join(IDS), encoding="utf-8")
    base = ("select", "-k", "5", "--probs", "p.npy", "--ids", "ids.txt", "-o", "b.csv", "--method")
    said = querist(*base, "subsample", "--param", "inner=entropy", "--param", "size=20", "--round", "3")
    assert said.code == 0, said.err
    assert tuple(picked("b.csv")) == library.select("subsample", 5, probs=PROBS, ids=IDS, inner="entropy", size=20, round=3).ids
    said = querist(*base, "cost_aware", "--statistic", "costs=c.npy", "--param", 'inner={"use": "vote", "voters": ["margin", "entropy"]}')
    assert said.code == 0, said.err
    wanted = library.select("cost_aware", 5, probs=PROBS, ids=IDS, costs=np.linspace(1, 2, N), inner={"use": "vote", "voters": ["margin", "entropy"]})
    assert tuple(picked("b.csv")) == wanted.ids


def test_fewer_than_asked_for_is_said(querist):
    np.save("p.npy", PROBS)
    said = querist("select", "--method", "margin", "-k", "99", "--probs", "p.npy", "-o", "b.csv", "--json")
    assert (said.code, said.json["selected"], said.lines) == (0, N, ["asked for 99, 60 could be chosen"])


@pytest.fixture
def files(querist):
    """Good and bad files."""
    np.save("p.npy", PROBS)
    np.save("short.npy", PROBS[:9])
    np.save("logits.npy", PROBS - 4)
    np.save("objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez("two.npz", a=PROBS, b=PROBS)
    np.savez("other.npz", ids=IDS[::-1], probs=PROBS)
    np.savez("named.npz", ids=IDS, features=FEATURES)
    Path("junk.npy").write_bytes(b"junk")
    Path("junk.safetensors").write_bytes(b"\xff" * 20)
    Path("cut.safetensors").write_bytes((60).to_bytes(8, "little") + b'{"probs":{"dtype":"F32","shape":[9,9],"data_offsets":[0,9]}}' + b"0" * 9)
    Path("done.txt").write_text("3\nnobody\n", encoding="utf-8")
    Path("labels.txt").write_text("cat\n", encoding="utf-8")
    Path("one.txt").write_text("3\n", encoding="utf-8")
    Path("wide.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    return querist


@pytest.mark.parametrize(
    ("code", "words", "argv"),
    [
        (2, ("margn", "margin"), "--method margn --probs p.npy"),
        (1, ("margin needs probs", "--probs FILE"), "--method margin --features p.npy"),
        (1, ("badge needs gradients", "--gradients FILE"), "--method badge --probs p.npy"),
        (2, ("arrays or ids",), "--method random"),
        (1, ("no such file", "q.npy"), "--method margin --probs q.npy"),
        (1, ("cannot read", "junk.npy"), "--method margin --probs junk.npy"),
        (1, ("cannot read", "objects.npy", "pickled"), "--method margin --probs objects.npy"),
        (1, ("cannot read", "junk.safetensors"), "--method margin --probs junk.safetensors"),
        (1, ("cut off", "cut.safetensors"), "--method margin --probs cut.safetensors"),
        (1, ("two.npz", "probs"), "--method margin --probs two.npz"),
        (1, ("p.npy", "residual"), "--method badge --gradients p.npy"),
        (1, ("done.txt", ".npy"), "--method margin --probs done.txt"),
        (1, ("row 0", "softmax"), "--method margin --probs logits.npy"),
        (1, ("different numbers of rows",), "--method badge --probs p.npy --features short.npy"),
        (1, ("nobody",), "--method margin --probs p.npy --labelled done.txt"),
        (1, ("wide.csv", "id"), "--method margin --probs p.npy --labelled wide.csv"),
        (2, ("cat",), "--method margin --probs p.npy --labelled one.txt --labels labels.txt"),
        (1, ("same ids", "row 0"), "--method badge --probs other.npz --features named.npz"),
        (2, ("size", "Margin"), "--method margin --probs p.npy --param size=3"),
        (2, ("size", "int"), "--method subsample --probs p.npy --param size=big"),
        (2, ("name=value",), "--method margin --probs p.npy --param size"),
        (2, ("nothing_known",), "--method margin --probs p.npy --statistic nothing_known=p.npy"),
        (2, ("abacus",), "--method margin --probs p.npy --device abacus"),
        (2, ("max_bytes",), "--method margin --probs p.npy --max-bytes 0"),
        (2, ("whole number",), "--method margin --probs p.npy -k -3"),
        (2, ("csv",), "--method margin --probs p.npy -o b.txt"),
        (1, ("no_folder",), "--method margin --probs p.npy -o no_folder/b.csv"),
    ],
)
def test_bad_input_is_one_clear_line(files, code, words, argv):
    given = argv.split()
    extra = [] if "-o" in given else ["-o", "b.csv"]
    said = files("select", *given, *([] if "-k" in given else ["-k", "3"]), *extra)
    assert len(said.lines) == 1
    said.fails(code, *words) if words != ("size", "Margin") else said.fails(code, "size")
    assert not list(Path.cwd().glob("*b.csv*"))


def test_a_table_that_is_there_stays_when_the_new_one_fails(files):
    Path("b.csv").write_text("kept\n", encoding="utf-8")
    assert files("select", "--method", "margin", "-k", "3", "--probs", "logits.npy", "-o", "b.csv").code == 1
    assert Path("b.csv").read_text(encoding="utf-8") == "kept\n"


def test_progress_passes_and_an_interruption(querist):
    """Kernels tell how far they are, count what they read, and stop where they are told to; then no choice is written, only where it stands."""
    np.save("h.npy", DRAW.normal(size=(3000, 8)).astype(np.float32))
    told: list[tuple[int, int]] = []
    files = {"features": "h.npy"}
    done = select_files("coreset", 50, "b.csv", files, {}, report=lambda picks, of: told.append((picks, of)))
    assert told[-1] == (50, 50) and told == sorted(told)
    assert 0 < done["passes"] < 50

    def stop(picks: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        select_files("coreset", 50, "c.csv", files, {}, report=stop)
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["b.csv", "c.csv.state.npz", "h.npy"]


def test_a_mapped_file_is_not_read_into_memory(querist):
    wide = np.lib.format.open_memmap("w.npy", mode="w+", dtype=np.float32, shape=(40_000, 256))
    wide[:] = 1 / 256
    wide.flush()
    said = querist("select", "--method", "margin", "-k", "3", "--probs", "w.npy", "--max-bytes", str(1 << 22), "-o", "b.csv", "--json")
    assert said.json["peak_bytes"] < Path("w.npy").stat().st_size / 2
