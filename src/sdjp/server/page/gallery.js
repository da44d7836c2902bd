/* The gallery: all finished pictures, newest first, to look through and to search. */

import { api } from "./api.js";
import { button, setWord } from "./dom.js";
import { announce, make } from "./elements.js";
import { pictures } from "./pictures.js";
import { emit, on } from "./state.js";

const WAIT = 300; // ms after the last key

/** @param {HTMLElement} root */
export function mountGallery(root) {
  const { q, starred } = pictures.query();
  const search = make("input", {
    type: "search",
    id: "gallery-search",
    value: q,
    wordPlaceholder: "gallery.search.example",
    enterkeyhint: "search",
    autocomplete: "off",
  });
  const only = button("gallery.starred", onlyStarred, { class: "small", "aria-pressed": String(starred) });
  const list = make("ul", { class: "tiles", role: "list", "aria-labelledby": "gallery-title" });
  const empty = make("p", { class: "empty", hidden: true });
  const more = button("gallery.more", () => load(() => pictures.more()), { class: "small", hidden: true });
  const failed = make("p", { class: "banner error", role: "alert", hidden: true });
  root.setAttribute("aria-labelledby", "gallery-title");
  root.append(
    make("h2", { id: "gallery-title", tabindex: "-1", word: "gallery.title" }),
    make(
      "div",
      { class: "gallery-tools", role: "search" },
      make("label", { for: "gallery-search", class: "unseen", word: "gallery.search" }),
      search,
      only,
    ),
    failed,
    list,
    empty,
    more,
  );

  let timer = null;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      if (search.value.trim() === pictures.query().q) return;
      if (await load(() => pictures.search({ q: search.value.trim() }))) tellCount();
    }, WAIT);
  };
  search.addEventListener("input", (event) => event.isComposing || later());
  search.addEventListener("compositionend", later);

  async function onlyStarred() {
    const wanted = only.getAttribute("aria-pressed") !== "true";
    only.setAttribute("aria-pressed", String(wanted));
    if (await load(() => pictures.search({ starred: wanted }))) tellCount();
  }

  async function load(call) {
    more.disabled = true;
    try {
      await call();
      failed.hidden = true;
      return true;
    } catch (error) {
      failed.textContent = error.message;
      failed.hidden = false;
      return false;
    } finally {
      more.disabled = false;
    }
  }

  function tellCount() {
    const count = pictures.all().length;
    announce(empty.hidden ? count + (pictures.hasMore() ? "+" : "") : empty.textContent);
  }

  function show(items) {
    const old = new Map([...list.children].map((tile) => [tile.dataset.key, tile]));
    const tiles = items.map((picture) => {
      const tile = old.get(pictures.keyOf(picture)) ?? makeTile(picture);
      showStar(tile, picture);
      return tile;
    });
    const shown = new Set(tiles);
    for (const tile of [...list.children]) if (!shown.has(tile)) tile.remove();
    // Only new ones are put in: an element that is moved loses the focus.
    tiles.forEach(
      (tile, i) => list.children[i] !== tile && list.insertBefore(tile, list.children[i] ?? null),
    );
    const looking = pictures.query().q || pictures.query().starred;
    empty.hidden = items.length > 0;
    setWord(empty, looking ? "gallery.none" : "gallery.empty");
    more.hidden = !pictures.hasMore();
    nearEnd.unobserve(more);
    nearEnd.observe(more); // it tells again if the end is still near
  }

  const nearEnd = new IntersectionObserver(
    ([entry]) => entry.isIntersecting && !more.disabled && more.click(),
    {
      rootMargin: "600px",
    },
  );
  on("pictures", show);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) load(() => pictures.refresh());
  });
  on("connection", (back) => back && !failed.hidden && load(() => pictures.refresh()));
  load(() => pictures.refresh());
}

function makeTile(picture) {
  const image = make("img", {
    src: api.pictureUrl(picture),
    alt: "",
    loading: "lazy",
    decoding: "async",
    width: picture.width,
    height: picture.height,
  });
  const name = picture.prompt || picture.english;
  const open = make(
    "button",
    { type: "button", class: "open", onclick: () => emit("view", current(picture)) },
    image,
    make("span", { class: "unseen", word: name ? "gallery.open" : "gallery.open.unnamed", values: { name } }),
  );
  const star = make("button", {
    type: "button",
    class: "star",
    onclick: () => toggle(star, current(picture)),
  });
  const withheld = picture.withheld ? make("span", { class: "note", word: "picture.withheld.short" }) : null;
  const tile = make("li", { class: "tile", values: { key: pictures.keyOf(picture) } }, open, star, withheld);
  return tile;
}

/** The picture as it is now: a tile may be older than its star. */
const current = (picture) => pictures.all()[pictures.find(picture)] ?? picture;

async function toggle(star, picture) {
  star.disabled = true;
  try {
    await pictures.star(picture, !picture.starred);
  } catch (error) {
    announce(error.message);
  } finally {
    star.disabled = false;
    star.focus();
  }
}

function showStar(tile, picture) {
  const star = tile.querySelector(".star");
  star.textContent = picture.starred ? "★" : "☆";
  star.setAttribute("aria-pressed", String(picture.starred));
  setWord(star, "picture.star", {}, "wordLabel");
}
