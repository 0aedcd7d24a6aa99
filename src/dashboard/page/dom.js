/** Making elements. Text becomes text nodes only: names and messages of others are never read as HTML. */

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Properties are set as properties; `class`, and those with a dash or written in lower case only as attributes, as attributes.
 * `on` holds listeners. Undefined, null and false leave an attribute out.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, unknown> & { on?: Record<string, (event: any) => void> }} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === 'on') continue;
    if (value === undefined || value === null || value === false) continue;
    if (key in made && key !== 'list' && key !== 'form') Reflect.set(made, key, value);
    else made.setAttribute(key, value === true ? '' : String(value));
  }
  for (const [type, listener] of Object.entries(properties.on ?? {})) made.addEventListener(type, listener);
  made.append(...present(children));
  return made;
}

/** @param {readonly Child[]} children @returns {(Node | string)[]} */
function present(children) {
  return children.flatMap((child) => (child ? [child] : []));
}

/** @param {Element} parent @param {...Child} children */
export function fill(parent, ...children) {
  parent.replaceChildren(...present(children));
}

/** Leaves the node alone when nothing changes: a screen reader would say it again. @param {Element} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * The element of an id in index.html.
 *
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * Keeps the children of `parent` in step with `items` by their keys, so that focus and scroll stay where they are.
 *
 * @template Item
 * @param {Element} parent
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => { root: Element, update: (item: Item) => void }} create
 * @param {Map<string, { root: Element, update: (item: Item) => void }>} known
 */
export function syncChildren(parent, items, keyOf, create, known) {
  const keys = new Set(items.map(keyOf));
  for (const [key, { root }] of known) {
    if (keys.has(key)) continue;
    root.remove();
    known.delete(key);
  }
  items.forEach((item, i) => {
    const key = keyOf(item);
    const entry = known.get(key) ?? create(item);
    known.set(key, entry);
    entry.update(item);
    if (parent.children[i] !== entry.root) parent.insertBefore(entry.root, parent.children[i] ?? null);
  });
}
