/** Requests as strangers and their broken software send them, made from a seed. */
import written from './request-words.json' with { type: 'json' };

/** `{{ab|3}}` in the list stands for `ababab`. */
const expand = (text: string) =>
  text.replace(/\{\{(.+)\|(\d+)\}\}/, (_, unit: string, times) => unit.repeat(Number(times)));

const words = {
  seeds: written.seeds,
  names: written.names,
  methods: written.methods,
  paths: written.paths.map(expand),
  values: written.values.map(expand),
  headers: written.headers.map(expand),
};

/** Requests that are sent as they are before any is mutated; a request that once broke something belongs here. */
export const SEED_REQUESTS: readonly RequestText[] = words.seeds.map((target) => ({
  method: 'GET',
  target,
  headers: ['Host: fuzz', 'Accept: image/webp,*/*', 'Connection: close'],
}));

export interface RequestText {
  readonly method: string;
  readonly target: string;
  /** Lines. */
  readonly headers: readonly string[];
}

export type Random = () => number;

const pick = <Item>(items: readonly Item[], random: Random): Item => items[Math.floor(random() * items.length)] as Item;

type Mutator = (request: RequestText, random: Random) => RequestText;

const query = (target: string) => target.split('?');
const withQuery = (target: string, pairs: readonly string[]) => `${query(target)[0]}?${pairs.join('&')}`;
const pairsOf = (target: string) => query(target).slice(1).join('?').split('&').filter(Boolean);

const addPair: Mutator = (request, random) => ({
  ...request,
  target: withQuery(request.target, [
    ...pairsOf(request.target),
    `${pick(words.names, random)}=${pick(words.values, random)}`,
  ]),
});

const changeValue: Mutator = (request, random) => {
  const pairs = pairsOf(request.target);
  const at = Math.floor(random() * pairs.length);
  const changed = pairs.map((pair, i) => (i === at ? `${pair.split('=')[0]}=${pick(words.values, random)}` : pair));
  return { ...request, target: withQuery(request.target, changed) };
};

const repeatPairs: Mutator = (request, random) => {
  const pairs = pairsOf(request.target);
  const times = pick([2, 2, 3, 500], random);
  return { ...request, target: withQuery(request.target, Array.from({ length: times }, () => pairs).flat()) };
};

const changePath: Mutator = (request, random) => ({
  ...request,
  target: [pick(words.paths, random), ...query(request.target).slice(1)].join('?'),
});

const changeMethod: Mutator = (request, random) => ({ ...request, method: pick(words.methods, random) });

const addHeaders: Mutator = (request, random) => ({
  ...request,
  headers: [
    ...request.headers,
    ...Array.from({ length: pick([1, 1, 2, 5], random) }, () => pick(words.headers, random)),
  ],
});

const dropHeader: Mutator = (request, random) => {
  const at = Math.floor(random() * request.headers.length);
  return { ...request, headers: request.headers.filter((_, i) => i !== at) };
};

const flipCharacters: Mutator = (request, random) => {
  const characters = [...request.target];
  for (let i = 0; i < pick([1, 2, 8], random); i++) {
    const at = Math.floor(random() * characters.length);
    characters[at] = String.fromCharCode(Math.floor(random() * 256));
  }
  return { ...request, target: characters.join('') };
};

const MUTATORS = [
  addPair,
  addPair,
  changeValue,
  changeValue,
  repeatPairs,
  changePath,
  changeMethod,
  addHeaders,
  addHeaders,
  dropHeader,
  flipCharacters,
];

/** Whether the request has an end; one that is cut gets no answer, only a closed connection. */
export interface RawRequest {
  readonly bytes: Buffer;
  readonly isCut: boolean;
}

export function rawRequest({ method, target, headers }: RequestText): RawRequest {
  const text = `${method} ${target} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`;
  return { bytes: Buffer.from(text, 'latin1'), isCut: false };
}

/** The same request for the same random numbers. */
export function mutatedRequest(random: Random): RawRequest {
  let request = pick(SEED_REQUESTS, random);
  for (let i = 0; i < pick([1, 1, 2, 3, 5], random); i++) request = pick(MUTATORS, random)(request, random);
  const { bytes } = rawRequest(request);
  const fate = random();
  if (fate < 0.03) return { bytes: bytes.subarray(0, Math.floor(random() * bytes.length)), isCut: true };
  if (fate < 0.08) {
    const flipped = Buffer.from(bytes);
    for (let i = 0; i < 3; i++) flipped[Math.floor(random() * flipped.length)] ^= 1 << Math.floor(random() * 8);
    // The blank line itself may be gone.
    return { bytes: flipped, isCut: !flipped.subarray(-4).equals(Buffer.from('\r\n\r\n')) };
  }
  return { bytes, isCut: false };
}
