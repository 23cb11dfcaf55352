from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Nets this small are slower on several threads, the more so on a busy machine."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
