"""The real server answers as the OpenAPI document describes."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fgm.viewer.api.openapi.answers import ANSWERS
from fgm.viewer.api.openapi.document import document
from fgm.viewer.api.request.parameters import TAKES
from tests.support.processes import free_port
from tests.support.viewer.data_directory import NODE, DataDirectory, container, counting

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PATHS = list(TAKES)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a viewer of three minutes of a container and the node, in closed files and a journal."""
    root, port = tmp_path_factory.mktemp("data"), free_port()
    from_ms = (time.time_ns() // 1_000_000_000 // 90 - 2) * 90_000
    data = DataDirectory(root)
    data.parquet(counting(NODE, from_ms, 180), counting(container(1), from_ms, 180))
    data.journal(counting(NODE, from_ms + 180_000, 5))
    data.write_index((container(1), from_ms, from_ms + 180_000))
    command = [sys.executable, "-m", "fgm.viewer", str(root), "--no-browser", "--port", str(port)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield _ready(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(10)


def _ready(address: str) -> str:
    for _ in range(400):
        try:
            if requests.get(f"{address}/api/health", timeout=5).json()["state"] == "ready":
                return address
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("the viewer did not get ready")


@pytest.fixture(scope="module")
def schema(url: str) -> schemathesis.schemas.BaseSchema:
    return schemathesis.openapi.from_url(f"{url}/api/openapi.json")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_documented(schema: schemathesis.schemas.BaseSchema, path: str, mode: str) -> None:
    """Valid and invalid requests get no 5xx, and only the statuses, media types and shapes of the document."""
    generated = schemathesis.GenerationMode(mode)
    operation = schema[path]["GET"]
    if mode == "negative" and not TAKES[path]:
        pytest.skip("it takes nothing that could be wrong")

    @given(case=operation.as_strategy(generation_mode=generated))
    @settings(
        max_examples=25,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def answers(case: "schemathesis.Case[Any]") -> None:
        response = case.call()
        if response.status_code != 431:  # hypercorn's own, and bare: such a head is never read to its end
            case.validate_response(response, checks=CHECKS)

    answers()


@pytest.mark.slow
@given(query=st.text(max_size=40), path=st.sampled_from(PATHS))
@settings(max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_as_query_gets_a_documented_status(url: str, query: str, path: str) -> None:
    """No text after the question mark causes an error of the server."""
    answer = requests.get(f"{url}{path.replace('{time}', 'now')}?{query}", timeout=10)

    assert str(answer.status_code) in document()["paths"][path]["get"]["responses"]
    assert answer.status_code < 500


def test_every_route_is_in_the_openapi_document(tmp_path: Path) -> None:
    """Every route of the application is in the document, and nothing else is."""
    from tests.support.viewer.api_client import ApiClient  # noqa: PLC0415

    app = ApiClient(tmp_path).app
    routes = {rule.rule.replace("<", "{").replace(">", "}") for rule in app.url_map.iter_rules()}  # type: ignore[attr-defined]

    assert routes | {"/api/health"} == set(PATHS) == set(ANSWERS)
