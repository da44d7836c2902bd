"""Several prompts at once, two pictures each, on one sheet. · 複数のプロンプトをまとめて描き、1 枚に並べる。

Picture i has the seed ``seed + i``, so that any of them can be drawn again alone.
"""

from sdjp import Pipeline

PROMPTS = ["雪の中の鳥居", "桜の木の下のパンダ", "(赤い車:1.3)、夜の街"]

pipe = Pipeline.from_pretrained()
result = pipe.generate(PROMPTS, negative_prompt="文字", num_images_per_prompt=2, seed=100)
for prompt, seed in zip(result.prompts, result.seeds, strict=True):
    print(seed, prompt.source, "→", prompt.english)
result.save("out")
print(result.save_grid("out", columns=2))

again = pipe.generate(PROMPTS[1], negative_prompt="文字", seed=result.seeds[2])
again.save("out", names=["panda-again"])
