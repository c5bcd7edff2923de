from __future__ import annotations

import subprocess
import sys

import pytest

_HEAVY = ("torch", "sklearn", "PIL", "pyarrow", "datasets", "pandas", "scipy")


@pytest.mark.torchless
def test_the_room_imports_nothing_heavy() -> None:
    code = f"import sys, querist.data.pools, querist.data.labels, querist.data.datasets; print([name for name in {_HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
