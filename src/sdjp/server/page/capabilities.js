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

/** The entry of the model that will draw. */
export function model() {
  const name = settings.get("model") ?? current.model;
  return current.models.find((entry) => entry.name === name) ?? current.models.find((entry) => entry.in_use);
}

on("settings", (names) => {
  if (current && names.includes("model")) emit("capabilities", current);
});

/** The rule of an option, with what the schema wraps for "or nothing" taken out.
 *
 * @returns {type, minimum, maximum, choices, default, optional, help, title} or null if the server has no such option.
 */
export function schemaOf(name) {
  const whole = current.schema.properties[name];
  if (!whole) return null;
  const kinds = (whole.anyOf ?? [whole]).flatMap((kind) => kind.anyOf ?? [kind]);
  const rule = kinds.find((kind) => kind.type !== "null" && kind.type !== "array") ?? kinds[0];
  const [ja, en] = (whole.description ?? "").split("\n");
  return {
    ...rule,
    choices: current[`${name}s`] ?? rule.enum ?? null,
    default: model()?.defaults?.[name] ?? whole.default ?? null,
    optional: kinds.some((kind) => kind.type === "null"),
    help: language() === "en" ? (en ?? ja) : ja,
    title: whole.title ?? name,
  };
}
