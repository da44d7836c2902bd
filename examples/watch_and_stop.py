"""Watching a picture appear, and stopping; what is finished stays. · 描かれる様子を見て、途中で止める。"""

from pathlib import Path

from sdjp import Pipeline, Progress
from sdjp.errors import Cancelled

pipe = Pipeline.from_pretrained()
pictures_done = 0
folder = Path("out")
folder.mkdir(exist_ok=True)


def watch(progress: Progress) -> bool:
    """Called after each step; False stops. The preview of it is in the file preview.png, open it to watch."""
    global pictures_done
    print(f"\r{progress.index}/{progress.total}  t={progress.timestep:.0f}", end="")
    progress.preview().save(folder / "preview.png")
    pictures_done += progress.index == progress.total
    return not (pictures_done == 2 and progress.index == 5)


try:
    # One picture after the other, so that two of four are finished when the third is stopped.
    pipe.generate("花畑の蝶", num_images_per_prompt=4, batch_size=1, seed=1, on_step=watch)
except Cancelled as stopped:
    print(f"\n{stopped}")
    print(len(stopped.partial), "pictures:", *stopped.partial.save(folder))
