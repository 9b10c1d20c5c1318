"""What a viewer answers over HTTP, for comparison with what `fgm mcp` says."""

import json
import urllib.parse
import urllib.request
from typing import Any


def asked(url: str, path: str, **parameters: Any) -> Any:
    """Return what the viewer answers; of lines the last one. A `_` at the end of a name is left out, as of `from_`."""
    query = urllib.parse.urlencode({name.rstrip("_"): value for name, value in parameters.items()}, safe=",")
    with urllib.request.urlopen(f"{url}{path}?{query}") as response:
        return json.loads(response.read().splitlines()[-1])
