// What a view returns, and how the page is made to show it: elements that stay the same are kept, so that focus, selection and what
// a screen reader stands on survive every update. Text goes in as text only.

/**
 * @typedef {{tag: string, attributes: Record<string, unknown>, children: (VElement | string)[]}} VElement
 * @typedef {VElement | string | number | null | undefined | boolean} Child
 * @typedef {Child | Child[] | Child[][]} Children
 */

/** @type {WeakMap<Element, Record<string, unknown>>} */
const shown = new WeakMap();

/** @type {WeakMap<Element, Map<string, (event: Event) => void>>} */
const handlersOf = new WeakMap();

/**
 * Describe an element. Attributes: `key` tells siblings apart; `onclick` and the like take functions; `value` and `checked` are what the
 * control shows; `vars` are properties of its style; `use` is called with the element after each update; `own` leaves the children to the
 * element itself.
 * @param {string} tag
 * @param {Record<string, unknown> | null} attributes
 * @param {...Children} children `null`, `undefined` and booleans show nothing.
 * @returns {VElement}
 */
export function h(tag, attributes, ...children) {
  const kept = /** @type {Child[]} */ (children.flat(3)).filter((child) => child !== null && child !== undefined && typeof child !== "boolean");
  return { tag, attributes: attributes ?? {}, children: kept.map((child) => (typeof child === "object" ? /** @type {VElement} */ (child) : String(child))) };
}

/**
 * Make *parent* show *wanted* and nothing else.
 * @param {ParentNode & Node} parent
 * @param {(VElement | string)[]} wanted
 */
export function patch(parent, wanted) {
  const keys = new Map();
  for (const child of wanted) if (typeof child === "object" && child.attributes.key !== undefined) keys.set(child.attributes.key, child);
  /** @type {Map<unknown, Element>} */
  const keyed = new Map();
  for (const node of [...parent.childNodes]) {
    const key = node instanceof Element ? shown.get(node)?.key : undefined;
    if (key === undefined) continue;
    if (keys.has(key)) keyed.set(key, /** @type {Element} */ (node));
    else node.remove();
  }
  /** @type {ChildNode | null} */
  let next = parent.firstChild;
  for (const child of wanted) {
    const node = typeof child === "string" ? text(next, child) : element(next, keyed, child);
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
    if (typeof child === "object" && node instanceof Element) update(node, child);
  }
  while (next !== null) {
    const after = next.nextSibling;
    next.remove();
    next = after;
  }
}

/** @param {ChildNode | null} present @param {string} wanted @returns {ChildNode} */
function text(present, wanted) {
  if (!(present instanceof Text)) return document.createTextNode(wanted);
  if (present.data !== wanted) present.data = wanted;
  return present;
}

/** @param {ChildNode | null} present @param {Map<unknown, Element>} keyed @param {VElement} wanted @returns {Element} */
function element(present, keyed, wanted) {
  const key = wanted.attributes.key;
  const found = key === undefined ? present : keyed.get(key);
  const fits = found instanceof Element && found.localName === wanted.tag && shown.get(found)?.key === key;
  return fits ? found : document.createElement(wanted.tag);
}

/** @param {Element} node @param {VElement} wanted */
function update(node, wanted) {
  const before = shown.get(node) ?? {};
  const after = wanted.attributes;
  for (const name of Object.keys(before)) if (!(name in after)) set(node, name, null);
  for (const [name, value] of Object.entries(after)) if (before[name] !== value) set(node, name, value);
  shown.set(node, after);
  if (!after.own) patch(node, wanted.children);
  for (const name of ["value", "checked"]) {
    if (name in after && Reflect.get(node, name) !== after[name]) Reflect.set(node, name, after[name]);
  }
  if (typeof after.use === "function") after.use(node);
}

/** @param {Element} node @param {string} name @param {unknown} value */
function set(node, name, value) {
  if (["key", "own", "use", "value", "checked"].includes(name)) return;
  if (name === "vars") {
    for (const [property, text] of Object.entries(value ?? {})) /** @type {HTMLElement} */ (node).style.setProperty(property, String(text));
    return;
  }
  if (name.startsWith("on")) attend(node, name.slice(2), /** @type {((event: Event) => void) | null} */ (value));
  else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : String(value));
}

/** @param {Element} node @param {string} type @param {((event: Event) => void) | null} handler */
function attend(node, type, handler) {
  const known = handlersOf.get(node) ?? new Map();
  handlersOf.set(node, known);
  if (!known.has(type)) node.addEventListener(type, (event) => known.get(type)?.(event));
  known.set(type, handler ?? (() => undefined));
}
