"""Many pictures from a file of prompts: on one machine or many, none lost, none twice.

From top to bottom: ``run`` takes a job from its input to its manifest; ``plan`` reads and checks it, with
``rows``; ``local`` and ``ray_engine`` give out tasks; ``worker`` draws one, ``sinks`` commit each picture;
``record`` and ``places`` tell what is written where, ``stores`` write it.
"""

from sdjp.batch.checking.findings import Verification
from sdjp.batch.run import BatchSummary, Engine, Watch, conclude_batch, run_batch, verify_batch

__all__ = [
    "BatchSummary",
    "Engine",
    "Verification",
    "Watch",
    "conclude_batch",
    "run_batch",
    "verify_batch",
]
