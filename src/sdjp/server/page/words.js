/* All texts of the page, each in Japanese and English. A label in Japanese has the term that one finds elsewhere
 * beside it: help on the net is written with it. Help on an option comes from the server (its options table). */

export const WORDS = {
  "skip": { ja: "プロンプトへ", en: "To the prompt" },
  "language.other": { ja: "English", en: "日本語" },
  "language.switch": { ja: "English に切り替える", en: "日本語に切り替える" },
  "result.title": { ja: "描いた絵", en: "Picture" },
  "form.title": { ja: "描きたいもの", en: "What to draw" },

  "connection.lost": {
    ja: "サーバーにつながりません。つながるまで待っています。",
    en: "The server does not answer. Waiting for it.",
  },
  "connection.back": { ja: "サーバーにつながりました。", en: "The server answers again." },
  "error.http": { ja: "サーバーのエラーです（{status}）。", en: "The server failed ({status})." },
};
