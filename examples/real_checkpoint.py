"""Stable Diffusion v1 from a checkpoint file. · 本物の Stable Diffusion v1 で描く。

::

    python real_checkpoint.py sd-v1-4.ckpt
"""

import sys

from sdjp import Pipeline

if len(sys.argv) != 2:
    sys.exit("usage: python real_checkpoint.py sd-v1-4.ckpt")

pipe = Pipeline.from_pretrained(sys.argv[1])
report = pipe.load_report
print(report.source, "EMA" if report.ema_used else "no EMA", pipe.dtype, pipe.device)
result = pipe.generate("浮世絵風の、馬に乗る宇宙飛行士", negative_prompt="文字、署名", seed=42)
print(result.prompts[0].english)
print(*result.save("out"))
