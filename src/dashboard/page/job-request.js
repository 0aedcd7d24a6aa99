/** What the form asks for, as the body of `POST /jobs`. */

/** @param {FormData} data @param {string} name */
const text = (data, name) => String(data.get(name) ?? '').trim();

/** Undefined, not 0, for a field left empty: the server then says what is missing. @param {FormData} data @param {string} name */
function number(data, name) {
  const value = text(data, name);
  return value === '' ? undefined : Number(value);
}

/** @param {FormData} data */
function target(data) {
  const kind = text(data, 'target');
  if (kind === 'ratio') return { ratio: number(data, 'ratio') };
  if (kind === 'macs') {
    const gigas = number(data, 'macs');
    return { macs: gigas === undefined ? undefined : Math.round(gigas * 1e9) };
  }
  return {
    latencyMs: number(data, 'latencyMs'),
    width: number(data, 'width'),
    height: number(data, 'height'),
    percentile: number(data, 'percentile'),
  };
}

/** @param {FormData} data */
function budget(data) {
  const kind = text(data, 'budget');
  if (kind === 'minutes' || kind === 'steps') return { [kind]: number(data, 'budgetAmount') };
  return kind;
}

/** @param {FormData} data */
function sources(data) {
  const chosen = data.getAll('source').map(String);
  const of = (/** @type {string} */ kind) =>
    chosen.filter((value) => value.startsWith(`${kind}:`)).map((value) => value.slice(kind.length + 1));
  const folders = of('folder');
  const uploads = of('upload');
  return {
    folders: folders.length > 0 ? folders : undefined,
    uploads: uploads.length > 0 ? uploads : undefined,
    traffic: chosen.includes('traffic') || undefined,
  };
}

/** @param {HTMLFormElement} form @returns {Record<string, unknown>} */
export function jobRequest(form) {
  const data = new FormData(form);
  const type = text(data, 'type');
  const name = text(data, 'name');
  const drop = number(data, 'maxPsnrDropDb');
  return {
    type,
    model: text(data, type === 'train' ? 'preset' : 'model'),
    target: type === 'compress' ? target(data) : undefined,
    data: sources(data),
    budget: budget(data),
    publish: text(data, 'publish'),
    maxPsnrDropDb: drop,
    name: name === '' ? undefined : name,
  };
}

/** Fields that a part of the body may come from. One at most of each list is shown, as the rest of the form wants it. */
const SOURCES = /** @type {const} */ ({
  model: ['model', 'preset'],
  target: ['ratio', 'latencyMs', 'macs'],
  budget: ['budgetAmount'],
  data: ['source'],
});

/** @param {string} name */
function isShown(name) {
  const input = document.getElementById(`field-${name}`);
  // A group that is not shown is disabled as well; one that is only folded is not.
  return input !== null && !input.matches(':disabled');
}

/**
 * The field of the form that a JSON pointer of the server means; empty when there is none, or none that is shown.
 * @param {string} pointer
 */
export function fieldOf(pointer) {
  const [, first = '', second = ''] = pointer.replace(/^#/, '').split('/');
  const names = Object.hasOwn(SOURCES, first) ? SOURCES[/** @type {keyof typeof SOURCES} */ (first)] : [first];
  // Width, height and percentile of a target have fields of their own.
  return [...(first === 'target' && second ? [second] : []), ...names].find(isShown) ?? '';
}
