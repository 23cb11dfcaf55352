"""Every test of a GigE camera that asks for one runs with each client that is installed."""

from __future__ import annotations

import pytest

from tests.runtime.cameras.gige_clients import CLIENTS, MakeCamera, maker


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def camera(client: str) -> MakeCamera:
    return maker(client)
