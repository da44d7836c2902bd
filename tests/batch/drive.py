"""Calls ``run_batch`` in a process of its own: ``python -m tests.batch.drive SOURCE OUT '{"load": …}'``."""

from __future__ import annotations

import json
import os
import resource
import sys

from sdjp.batch.run import Engine, run_batch
from sdjp.errors import SdjpError

FILE_SIZE = "SDJP_TEST_FILE_SIZE"
"""Where the most that a file may have stands, in bytes: a disk that is full."""


def main() -> int:
    """Draw; the code of an error goes to stderr."""
    source, out, text = sys.argv[1:]
    arguments = json.loads(text)
    if FILE_SIZE in os.environ:
        most = int(os.environ[FILE_SIZE])
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    try:
        summary = run_batch(source, out, **{**arguments, "engine": Engine(**arguments.get("engine", {}))})
    except SdjpError as error:
        print(error.code, error.ja, file=sys.stderr)
        return 2
    print(json.dumps(vars(summary)))
    return 0 if summary.complete else 3


if __name__ == "__main__":
    sys.exit(main())
