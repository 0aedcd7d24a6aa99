/** Bodies of `POST /jobs` that are nearly right: a right one with things changed, taken away and added, by a seeded generator. */
const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 1e308, '', 'x', 'edge-x4', '../..', '\u0000', '💥', [], {}],
  ...[[[]], [null], { a: { b: {} } }, '__proto__', 'constructor', Number.MAX_SAFE_INTEGER + 2, '9'.repeat(400)],
  ...[
    'photos',
    ['photos'],
    ['photos/../..'],
    ['/etc'],
    ['photos\u0000'],
    'auto',
    'quick',
    { steps: 0 },
    { minutes: -1 },
  ],
];

const KEYS = [
  ...['type', 'model', 'target', 'data', 'budget', 'maxPsnrDropDb', 'publish', 'name'],
  ...['__proto__', 'constructor', 'toString', 'a/b~c', '', 'latencyMs', 'ratio', 'folders'],
];

export const RIGHT_BODY = {
  type: 'compress',
  model: 'nearest-x2',
  target: { latencyMs: 5, width: 64, height: 64, percentile: 50, engine: 'onnx' },
  data: { folders: ['photos'] },
  budget: { steps: 1 },
  maxPsnrDropDb: 0.5,
  publish: 'manual',
};

/** Mulberry32: the same numbers everywhere for one seed. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Container = Record<string, unknown> | unknown[];

function containersOf(value: unknown): Container[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value as Container, ...Object.values(value).flatMap(containersOf)];
}

function change(body: object, random: () => number): void {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const container = pick(containersOf(body)) as Record<string, unknown>;
  const keys = Object.keys(container);
  const value = structuredClone(pick(VALUES));
  const kind = random();
  if (kind < 0.55 && keys.length > 0) container[pick(keys)] = value;
  else if (kind < 0.75 && keys.length > 0) delete container[pick(keys)];
  else Object.defineProperty(container, pick(KEYS), { value, enumerable: true, writable: true, configurable: true });
}

/** JSON text of one body. */
export function wrongBody(random: () => number): string {
  const body = structuredClone(RIGHT_BODY);
  const changes = 1 + Math.floor(random() * 4);
  for (let i = 0; i < changes; i++) change(body, random);
  const text = JSON.stringify(body);
  if (random() > 0.05) return text;
  // Cut off, or with a byte changed.
  return random() < 0.5 ? text.slice(0, Math.floor(random() * text.length)) : text.replace(/[:,{]/, '?');
}
