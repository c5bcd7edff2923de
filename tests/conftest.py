"""What every test run shares: one thread a process, hypothesis profiles, shape checks in the kernels, honest skips."""

from __future__ import annotations

import os
import shutil
import sys
import tracemalloc
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

# Before anything imports NumPy or torch: parallelism is by processes (pytest -n 2), see Makefile.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import pytest
from hypothesis import HealthCheck, settings

# Machines differ and are shared, so no test fails for being slow; pytest-timeout stops what hangs.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", _PATIENT, max_examples=100)
settings.register_profile("ci", _PATIENT, max_examples=100, derandomize=True, print_blob=True)
settings.register_profile("slow", _PATIENT, max_examples=500, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# Shapes of kernels are checked in the test run only; the hook must stand before the first import of a kernel.
if find_spec("jaxtyping") and find_spec("beartype"):
    from jaxtyping import install_import_hook

    install_import_hook("querist.kernels", "beartype.beartype")

# Without torch only the files that hold `torchless` tests are collected; the others may import it at their top.
_HERE = Path(__file__).parent
collect_ignore: list[str] = []
if find_spec("torch") is None:
    collect_ignore = [str(path) for path in sorted(_HERE.rglob("test_*.py")) if "torchless" not in path.read_text(encoding="utf-8")]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")


def _missing() -> dict[str, str]:
    """Marker → why its tests cannot run here."""
    missing = {}
    if CHROMIUM is None or find_spec("playwright") is None:
        missing["browser"] = "needs Chromium and playwright: apt-get install chromium; pip install 'querist[dev]'"
    if not FASHION_MNIST.is_file():
        missing["fashion_mnist"] = "needs Fashion-MNIST: apt-get install dataset-fashion-mnist"
    return missing


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Skip, with the reason, what this machine lacks; where `QUERIST_TEST_ALL` is set nothing is skipped and it fails instead."""
    if os.environ.get("QUERIST_TEST_ALL"):
        return
    missing = _missing()
    for item in items:
        for marker, reason in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def one_torch_thread() -> None:
    """Hold torch to one thread once a test has imported it; never import it for that."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium for playwright's `executable_path`."""
    if CHROMIUM is None:
        pytest.fail("no Chromium on PATH: apt-get install chromium")
    return CHROMIUM


@pytest.fixture(scope="session")
def peak() -> Callable[[Callable[[], object]], int]:
    """Bytes that Python and NumPy hold at most while something runs."""

    def measured(act: Callable[[], object]) -> int:
        act()  # what is imported and cached is not what is measured
        tracemalloc.start()
        try:
            act()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return measured
