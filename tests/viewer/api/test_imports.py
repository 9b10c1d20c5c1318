"""What an answer about a minute does not import: it is the first of a viewer that has just woken."""

import subprocess
import sys
from pathlib import Path

from tests.support import incidents

HEAVY = ("numpy.ma", "fastparquet", "pandas")
QUESTIONS = f"""
import sys
from pathlib import Path
import anyio
from tests.support.viewer.api_client import ApiClient

async def ask(folder, from_ms, to_ms):
    client = ApiClient(Path(folder), int(to_ms))
    await client.ready()
    for path in ("events?", "findings?", "top?metric=io_bytes_per_s&"):
        answer = await client.get(f"/api/{{path}}from={{from_ms}}&to={{to_ms}}")
        assert answer.status == 200, answer.body
    client.services.journals.close()

anyio.run(ask, *sys.argv[1:])
print([name for name in {HEAVY} if name in sys.modules])
"""


def test_an_answer_about_a_minute_loads_no_masked_arrays(tmp_path: Path) -> None:
    folder = incidents.unpacked(tmp_path)
    began_ms, ended_ms = incidents.PLANTED["oom_kill"]["began_ms"], incidents.PLANTED["ended_ms"]
    command = [sys.executable, "-c", QUESTIONS, str(folder), str(began_ms - 20_000), str(ended_ms)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    assert printed[-1] == "[]"
