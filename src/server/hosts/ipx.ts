/** `dualscale/ipx`: IPX 3 and 4 with one more modifier, `/upscale_4,f_webp/cat.jpg`. */
import { createHash } from 'node:crypto';
import { badOption } from '../../core/errors.ts';
import { toProblem } from '../http/classify.ts';
import { Exchange } from '../http/exchange.ts';
import {
  DEGRADATION_PARAMETER,
  MODEL_PARAMETER,
  NOISE_PARAMETER,
  PARAMETER,
  SIGMA_PARAMETER,
  valuesOf,
  withoutParameters,
} from '../http/parameters.ts';
import type { CoreDeps, PictureCore } from '../http/picture-core.ts';
import { parseUpscaleQuery, type QueryText, type UpscaleQuery } from '../http/upscale-query.ts';

type Modifiers = Readonly<Record<string, unknown>>;

interface Plugin {
  readonly core: PictureCore;
}

/** What IPX makes of an id and modifiers; the types of versions 3 and 4 fit. */
interface IpxImage {
  getSourceMeta(): Promise<{ mtime?: Date; maxAge?: number }>;
  // biome-ignore lint/suspicious/noExplicitAny: the two versions describe it differently.
  process(): Promise<{ data: any; meta?: any; format?: string }>;
}

// biome-ignore lint/suspicious/noExplicitAny: the two versions name their modifiers differently.
type Ipx = (id: string, modifiers?: any, requestOptions?: any) => IpxImage;

/** Ours besides `upscale`; IPX does not see them. */
const HINTS = [MODEL_PARAMETER, DEGRADATION_PARAMETER, SIGMA_PARAMETER, NOISE_PARAMETER];

/** Marks the model in `modifiers`, of which IPX 4 makes its ETag. */
const VERSION_MODIFIER = 'sr_version';

const texts = (...values: readonly unknown[]): string[] => values.filter((value) => value !== undefined).map(String);

/** IPX makes its validators before the picture: it must be known by then which model makes it. */
function withoutFallbackModels(query: UpscaleQuery): UpscaleQuery {
  const [first, ...others] = query.models.map(({ fallbackModels: _, ...model }) => model);
  return { ...query, models: [first, ...others] };
}

function readQuery(modifiers: Modifiers, { models, onBadParameter }: CoreDeps): UpscaleQuery | undefined {
  const { width, w = width, height, h = height, resize, s = resize } = modifiers;
  const [resizedWidth, resizedHeight] = typeof s === 'string' ? s.split('x') : [];
  const text: QueryText = {
    upscale: texts(modifiers[PARAMETER]),
    model: texts(modifiers[MODEL_PARAMETER]),
    width: texts(w ?? resizedWidth),
    height: texts(h ?? resizedHeight),
    degradation: texts(modifiers[DEGRADATION_PARAMETER]),
    sigma: texts(modifiers[SIGMA_PARAMETER]),
    noise: texts(modifiers[NOISE_PARAMETER]),
  };
  try {
    return withoutFallbackModels(parseUpscaleQuery(text, models));
  } catch (error) {
    const { code, status, publicMessage } = toProblem(error);
    if (onBadParameter === 'ignore' && code === 'DS_BAD_PARAMETER') return undefined;
    throw new IpxProblem(status, code, publicMessage);
  }
}

/**
 * Both versions answer a thrown error with its `status`, name and message. Version 4 takes it for
 * one of its own by its name, and calls `toJSON`; what it does not take for one it logs with its
 * stack.
 */
class IpxProblem extends Error {
  override readonly name = 'HTTPError';
  readonly status: number;
  readonly statusCode: number;
  readonly statusText: string;
  readonly statusMessage: string;
  readonly headers = new Headers({ 'cache-control': 'no-store' });

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.statusCode = status;
    this.statusText = code;
    this.statusMessage = code;
  }

  toJSON() {
    const { status, statusText, message } = this;
    return { status, statusText, message };
  }
}

/** An answer's problem body as the error that IPX sends. */
function problemOf(status: number, body: Uint8Array | undefined): IpxProblem {
  const { code, title, detail } = JSON.parse(Buffer.from(body ?? []).toString() || '{}') as Record<string, string>;
  return new IpxProblem(status, code ?? '', [title, detail].filter(Boolean).join(' '));
}

type Processed = Awaited<ReturnType<IpxImage['process']>>;

async function enlarge(
  made: Processed,
  query: UpscaleQuery,
  deps: CoreDeps,
  signal: AbortSignal | undefined,
): Promise<Processed> {
  // IPX gives an SVG as text.
  if (typeof made.data === 'string') return made;
  const exchange = new Exchange({ query, address: '', ifNoneMatch: undefined, isHead: false }, deps);
  const leave = () => exchange.leave();
  signal?.addEventListener('abort', leave, { once: true });
  if (signal?.aborted) leave();
  try {
    const headers = new Headers({ 'content-type': `image/${made.format ?? 'png'}` });
    const verdict = exchange.head(200, headers);
    const answer = verdict === 'collect' ? await exchange.body(Buffer.from(made.data)) : verdict;
    if (signal?.aborted) throw new IpxProblem(499, 'DS_ABORTED', 'The request was cancelled.');
    if (answer === undefined || typeof answer === 'string') return made;
    if (answer.status !== 200) throw problemOf(answer.status, answer.body);
    const { size } = answer;
    const meta = made.meta && size ? { ...made.meta, ...size } : made.meta;
    return { ...made, data: answer.body, meta };
  } finally {
    signal?.removeEventListener('abort', leave);
    // Gives the slot back where IPX has made something that is no picture.
    leave();
  }
}

/**
 * Remembers since when each model serves: for a cache, a picture changes when its source does and
 * when its model does.
 */
function createServingSince() {
  const since = new Map<string, number>();
  return (models: string): number => {
    if (!since.has(models)) {
      // Models change seldom; what a client may have seen of the oldest is long gone.
      if (since.size >= 100) since.clear();
      // HTTP dates are whole seconds, and the next one is later than all that came before.
      since.set(models, Math.ceil(Date.now() / 1000) * 1000);
    }
    return since.get(models) as number;
  };
}

const modelsOf = ({ models }: UpscaleQuery): string => models.map(({ digest }) => digest).join();

const digestOf = (query: UpscaleQuery): string =>
  createHash('sha256')
    .update([query.canonical, modelsOf(query)].join())
    .digest('base64url')
    .slice(0, 16);

/**
 * Decorates what `createIPX` gives: the modifiers `upscale` (`true`, `auto`, 2, 4 ...), `sr_model`,
 * `sr_degradation`, `sr_sigma` and `sr_noise` are ours, all others IPX' own; it resizes and
 * converts first. `auto` fills `w` and `h`. An error of ours is one of IPX', with our status;
 * nothing can be marked in its headers, so `onError: 'passthrough'` counts as `fail` here. IPX' own
 * servers do not say when a client has left; a caller of the decorated function passes `{ signal }`
 * as its third argument.
 *
 * Throws DS_BAD_OPTION with the option `signing`: the decorator sees no URL. Use the middleware
 * there.
 *
 * @example createIPXNodeServer(withUpscale(createIPX({ storage }), dualscale))
 */
export function withUpscale<Decorated extends Ipx>(ipx: Decorated, { core }: Plugin): Decorated {
  if (core.deps.signing) throw badOption('signing', 'absent where IPX is decorated: it sees no URL', 'set');
  const deps: CoreDeps = { ...core.deps, onError: 'fail' };
  const servingSince = createServingSince();
  const decorated: Ipx = (id, modifiers: Modifiers = {}, requestOptions) => {
    const { [PARAMETER]: upscale, [VERSION_MODIFIER]: version, ...others } = modifiers;
    if (upscale === undefined) return ipx(id, modifiers, requestOptions);
    const query = readQuery(modifiers, deps);
    const own = Object.fromEntries(Object.entries(others).filter(([name]) => !HINTS.includes(name)));
    const image = ipx(id, own, requestOptions);
    const signal = requestOptions?.signal instanceof AbortSignal ? requestOptions.signal : undefined;
    if (query === undefined) return image;
    let processed: Promise<Processed> | undefined;
    return {
      async getSourceMeta() {
        const meta = await image.getSourceMeta();
        // With the version in its ETag nothing hangs on the date, which would be another after a
        // restart and on every server.
        if (!meta.mtime || version !== undefined) return meta;
        return { ...meta, mtime: new Date(Math.max(meta.mtime.getTime(), servingSince(modelsOf(query)))) };
      },
      process() {
        processed ??= image.process().then((made) => enlarge(made, query, deps, signal));
        return processed;
      },
    };
  };
  return decorated as Decorated;
}

interface ParsedUrl {
  id: string;
  modifiers: Record<string, string | number | boolean | undefined>;
}

/**
 * For the option `parseURL` of IPX 4: lifts `?upscale=4`, `sr_model` and what is known of the
 * degradation out of the query into the modifiers, and adds the model's version, so that IPX' own
 * ETag changes with the model.
 *
 * @example createIPXFetchHandler(withUpscale(ipx, dualscale), { parseURL: upscaleParseUrl(parseIPXURL, dualscale) })
 */
export function upscaleParseUrl(parse: (url: string) => ParsedUrl | Promise<ParsedUrl>, { core }: Plugin) {
  return async (url: string): Promise<ParsedUrl> => {
    const { id, modifiers } = await parse(withoutParameters(url));
    const lifted = [PARAMETER, ...HINTS, 'w', 'h'].flatMap((name) => {
      const values = valuesOf(url, name);
      return values.length === 0 ? [] : [[name, values.join('&')] as const];
    });
    const all = { ...Object.fromEntries(lifted), ...modifiers };
    if (all[PARAMETER] === undefined) return { id, modifiers };
    const query = readQuery(all, core.deps);
    return { id, modifiers: query ? { ...all, [VERSION_MODIFIER]: digestOf(query) } : modifiers };
  };
}
