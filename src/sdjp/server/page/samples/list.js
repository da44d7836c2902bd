/* Ten prompts that the embedded model draws well, with what it made of them:
 *
 *     sdjp "馬に乗る宇宙飛行士" --seed 7
 *
 * and so on, saved as WebP of quality 82. */

export const SAMPLES = [
  { prompt: "馬に乗る宇宙飛行士", file: "astronaut.webp" },
  { prompt: "夕焼けのお城", file: "castle.webp" },
  { prompt: "桜の木の下のパンダ", file: "panda.webp" },
  { prompt: "海のクジラ", file: "whale.webp" },
  { prompt: "雪の中の鳥居", file: "torii.webp" },
  { prompt: "森の中の狐、水彩画", file: "fox.webp" },
  { prompt: "月の上のうさぎ", file: "rabbit.webp" },
  { prompt: "花畑の蝶", file: "butterfly.webp" },
  { prompt: "宇宙のロケット", file: "rocket.webp" },
  { prompt: "夜のドラゴン", file: "dragon.webp" },
];
