"""A picture from a picture; ``strength`` says how freely. · 絵をもとに描く。strength で自由さを決める。"""

from PIL import Image, ImageDraw

from sdjp import Pipeline

sketch = Image.new("RGB", (256, 256), "skyblue")
draw = ImageDraw.Draw(sketch)
draw.rectangle((0, 180, 256, 256), fill="seagreen")
draw.ellipse((88, 110, 168, 190), fill="orange")

pipe = Pipeline.from_pretrained()
for strength in (0.4, 0.7):
    result = pipe.generate("草原の猫", image=sketch, strength=strength, seed=3)
    print(strength, *result.save("out", names=[f"cat-{strength}"]))
