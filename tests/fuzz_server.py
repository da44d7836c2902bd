"""Requests at random over the OpenAPI document, sent to a running server by schemathesis.

Run by ``nox -s fuzz_server``; ``-- 200`` tries so many examples of each operation. No answer may be 500, and
each must have a status, a type and a form that the document tells of.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
EXAMPLES: Final = 40
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
SMALL: Final = ("--max-pixels", "4096", "--max-steps", "1", "--max-pictures", "1", "--max-queue", "5")
"""What is accepted is drawn in no time."""


def main() -> int:
    """Start a server and try it; the exit status of schemathesis."""
    sys.path.insert(0, str(ROOT / "examples" / "bench"))
    server = importlib.import_module("server")
    examples = sys.argv[1] if len(sys.argv) > 1 else str(EXAMPLES)
    with tempfile.TemporaryDirectory() as folder:
        data, log = Path(folder) / "data", Path(folder) / "log"
        command = [sys.executable, "-m", "sdjp", "serve", "--port", "0", "--data", str(data), *SMALL]
        with server.serving(command, data, log) as port:
            url = f"http://127.0.0.1:{port}"
            tried = subprocess.run(
                [
                    *("schemathesis", "run", f"{url}/openapi.json", "--url", url),
                    *("--checks", ",".join(CHECKS), "--max-examples", examples, "--seed", "1"),
                    *("--phases", "examples,coverage,fuzzing", "--request-timeout", "120"),
                    *("--mode", "all", "--suppress-health-check", "all", "--continue-on-failure"),
                ],
                cwd=folder,  # it keeps examples there
                env={**os.environ, "PYTHONIOENCODING": "utf-8"},
                check=False,
            ).returncode
            alive = asyncio.run(server.Client(port).ask("GET", "/readyz")).status == 200
        if tried or not alive:
            print(log.read_text(encoding="utf-8", errors="replace")[-20_000:])
    return tried if alive else 1


if __name__ == "__main__":
    sys.exit(main())
