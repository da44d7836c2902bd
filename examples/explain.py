"""What becomes of a prompt, without drawing or torch. · 絵を描かずに、プロンプトの読まれ方を見る。"""

from sdjp.text.read import read
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator

PROMPTS = ["馬に乗る宇宙飛行士", "（満開の桜：１．３）、着物の少女　BREAK　夕焼けの富士山", "a cat, 水彩画"]

prompts = read(PROMPTS, translator=make_translator("lexicon"), tokenizer=ClipTokenizer.from_assets())
for prompt in prompts:
    info = prompt.info
    print(f"{info.source}\n  → {info.normalized}\n  → {info.english}  ({info.tokens} tokens)")
    for part in info.parts:
        print(f"      {part.source} = {part.english or '—'}  [{part.how}]")
    for word in info.unknown:
        print(f"      ? {word}")
