"""The shortest program: one Japanese prompt, one picture. · いちばん短いプログラム：日本語から 1 枚の絵。"""

from sdjp import Pipeline

pipe = Pipeline.from_pretrained()
result = pipe.generate("馬に乗る宇宙飛行士", seed=7)
print(result.prompts[0].english)
print(*result.save("out"))
