// What a request may say, as the published document tells it: so the form offers every option that the service has.

/**
 * @import { BackfillStart } from "./types.js"
 * @import { Draft } from "./ui.js"
 * @typedef {"day" | "choice" | "flag" | "number" | "texts" | "text"} Kind
 * @typedef {object} Field
 * @property {string} name
 * @property {Kind} kind
 * @property {boolean} required
 * @property {readonly string[]} choices
 * @property {unknown} initial
 * @property {number | undefined} least
 * @property {number | undefined} most
 * @property {boolean} whole Whether a number must be whole.
 * @property {string} description
 */

/** The member that says under which condition to start, and not what. */
const CONDITION = "planFingerprint";

/** @param {Record<string, any>} document @returns {Field[]} */
export function fieldsOf(document) {
  const schemas = document.components.schemas;
  const start = schemas.BackfillStart;
  return Object.entries(/** @type {Record<string, any>} */ (start.properties)).filter(([name]) => name !== CONDITION).map(([name, member]) => {
    const inner = (member.anyOf ?? [member]).find((/** @type {any} */ option) => option.type !== "null");
    const schema = inner.$ref ? schemas[inner.$ref.split("/").at(-1)] : inner;
    const type = [schema.type].flat().find((known) => known !== "null");
    return {
      name,
      kind: kindOf(type, schema),
      required: start.required.includes(name),
      choices: schema.enum ?? [],
      initial: member.default,
      least: schema.minimum,
      most: schema.maximum,
      whole: type === "integer",
      description: member.description ?? "",
    };
  });
}

/** @param {string} type @param {any} schema @returns {Kind} */
function kindOf(type, schema) {
  if (schema.enum) return "choice";
  if (schema.format === "date") return "day";
  /** @type {Record<string, Kind>} */
  const kinds = { boolean: "flag", integer: "number", number: "number", array: "texts" };
  return kinds[type] ?? "text";
}

/** @param {readonly Field[]} fields @param {Draft} draft @returns {BackfillStart | null} `null` = something that is required is missing. */
export function requestOf(fields, draft) {
  /** @type {Record<string, unknown>} */
  const request = {};
  for (const field of fields) {
    const typed = draft[field.name];
    if (typed === undefined || typed === "" || (field.kind === "texts" && !namesIn(String(typed)).length)) {
      if (field.required) return null;
    } else if (field.kind === "number") request[field.name] = Number(typed);
    else if (field.kind === "texts") request[field.name] = namesIn(String(typed));
    else request[field.name] = typed;
  }
  return /** @type {BackfillStart} */ (request);
}

/** @param {string} text @returns {string[]} What stands between commas and spaces. */
export function namesIn(text) {
  return text.split(/[\s,;]+/).filter(Boolean);
}
