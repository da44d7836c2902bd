/* What the server can do: models, samplers, limits, and the schema of all options. */

import { api } from "./api.js";
import { language, suggestLanguage } from "./language.js";
import { emit, on, settings } from "./state.js";

let current = null;

export const capabilities = () => current;

export async function loadCapabilities() {
  current = await api.capabilities();
  suggestLanguage(current.language);
  emit("capabilities", current);
  return current;
}

/** The entry of the model that will draw; of one that cannot be used, that of the one in use. */
export function model() {
  const name = settings.get("model") ?? current.model;
  return (
    current.models.find((entry) => entry.name === name && entry.defaults) ??
    current.models.find((entry) => entry.in_use)
  );
}

on("settings", (names) => {
  if (current && names.includes("model")) emit("capabilities", current);
});

/** The rule of an option, with what the schema wraps for "or nothing" and "or a list" taken out.
 *
 * @returns {type, minimum, maximum, choices, boolean, pair, default, help, title}; null if the server has no such
 *   option. `default` is that of the model in use, `choices` what the server has at hand, `pair` the rule of each
 *   of two numbers.
 */
export function schemaOf(name) {
  const whole = current.schema.properties[name];
  if (!whole) return null;
  const kinds = (whole.anyOf ?? [whole]).flatMap((kind) => kind.anyOf ?? [kind]);
  const rule = kinds.find((kind) => kind.type !== "null" && kind.type !== "array") ?? kinds[0];
  const list = kinds.find((kind) => kind.type === "array");
  const [ja, en] = (whole.description ?? "").split("\n");
  const boolean = rule.enum?.includes(true) ?? rule.type === "boolean";
  return {
    ...rule,
    choices: boolean ? null : (current[`${name}s`] ?? rule.enum ?? null),
    boolean,
    pair: list?.maxItems === 2 ? list.items : null,
    default: model()?.defaults?.[name] ?? whole.default ?? null,
    help: language() === "en" ? (en ?? ja) : ja,
    title: whole.title ?? name,
  };
}
