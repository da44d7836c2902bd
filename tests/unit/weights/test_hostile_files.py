"""Files that were made to crash, stall or fill a machine: each is refused at once, in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import uncounted
from tests.hostile_files import FILES

SECONDS, MEGABYTES = 2.0, 500
SLOWER = 4
"""How much slower than alone a machine may be that runs other tests beside these."""

# Reads the files named on standard input, one by one, and says of each what it cost and what came of it.
CHILD = """
import json, resource, sys, time
from pathlib import Path
from sdjp.addons.inversion import read_inversion
from sdjp.addons.lora import read_lora
from sdjp.config import TINY
from sdjp.errors import SdjpError
from sdjp.weights.configs.ldm_yaml import read_ldm_yaml
from sdjp.weights.load import load
from sdjp.weights.networks import on_meta, shapes_of

shapes = shapes_of(on_meta(TINY))
READ = {
    "model": load,
    "lora": lambda path: read_lora(path, TINY, shapes),
    "vectors": lambda path: read_inversion(path, width=768),
    "config": read_ldm_yaml,
}

def status(key):
    return int(next(l for l in open("/proc/self/status") if l.startswith(key)).split()[1]) / 1000

import yaml
limit = int((status("VmSize") + 2 * %d) * 1e6)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for line in sys.stdin:
    name, path = json.loads(line)
    print("began", name, flush=True)
    Path("/proc/self/clear_refs").write_text("5")
    before, start = status("VmRSS"), time.process_time()
    clock = time.monotonic()
    try:
        READ[name.partition(":")[0]](Path(path))
        came = "was read"
    except SdjpError as error:
        came = error.code
    except BaseException as error:
        came = f"raised {type(error).__name__}: {str(error)[:200]}"
    seconds, waited = time.process_time() - start, time.monotonic() - clock
    print(json.dumps([name, came, seconds, waited, status("VmHWM") - before]), flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_each_is_refused_within_bounds(tmp_path: Path) -> None:
    lines = []
    for n, (name, write) in enumerate(FILES.items()):
        folder = tmp_path / str(n)
        folder.mkdir()
        lines.append(json.dumps([name, str(write(folder))]))
    done = subprocess.run(
        [sys.executable, "-c", CHILD % MEGABYTES],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        env=uncounted(),
        timeout=SECONDS * SLOWER * len(FILES),
        check=False,
    )
    said = [line for line in done.stdout.splitlines() if not line.startswith("began")]
    assert done.returncode == 0, f"{done.stdout.splitlines()[-1:]} ended it: {done.stderr[-500:]}"
    assert len(said) == len(FILES)
    costs = [json.loads(line) for line in said]
    wrong = [
        cost
        for cost in costs
        if cost[1].startswith(("raised", "was read"))
        or cost[2] > SECONDS
        or cost[3] > SECONDS * SLOWER
        or cost[4] > MEGABYTES
    ]
    slowest, largest = max(costs, key=lambda cost: cost[2]), max(costs, key=lambda cost: cost[4])
    print(f"{len(costs)} files; slowest {slowest}; largest {largest}")
    assert not wrong
