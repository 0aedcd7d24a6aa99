/**
 * Stands between the host and the response: reads the host's head, and passes on, keeps or drops
 * its body.
 */
import type { ServerResponse } from 'node:http';

/**
 * `pass`: the host's answer is sent to the client unchanged. `collect`: its body is kept for
 * `onBody`. `discard`: the listener answers instead of the host (it may already have done so); the
 * host's body is dropped.
 */
export type Verdict = 'pass' | 'collect' | 'discard';

export interface HostListener {
  /**
   * Called once, when the host's status and headers stand (they are in `res`, nothing has been
   * sent). Must not throw.
   */
  onHead(): Verdict;
  /** The whole body of a collected answer. */
  onBody(body: Buffer): void;
  /**
   * A collected body grew beyond `maxBytes`. `pass`: the client gets what was kept, and the rest as
   * it arrives.
   */
  onOverflow(): 'pass' | 'discard';
}

type HeaderValue = string | number | readonly string[] | undefined;

/** The ways in which `writeHead` takes its headers. */
type WriteHeadHeaders =
  | Readonly<Record<string, HeaderValue>>
  | readonly HeaderValue[]
  | readonly (readonly [string, HeaderValue])[];

function pairsOf(headers: WriteHeadHeaders): [string, HeaderValue][] {
  if (!Array.isArray(headers)) return Object.entries(headers as Record<string, HeaderValue>);
  if (Array.isArray(headers[0])) return (headers as [string, HeaderValue][]).map(([name, value]) => [name, value]);
  const pairs: [string, HeaderValue][] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) pairs.push([String(headers[i]), headers[i + 1] as HeaderValue]);
  return pairs;
}

/**
 * Does what `writeHead` does to status and headers, and sends nothing: names given here replace
 * those set before, a name given twice in an array (`Set-Cookie`) keeps both values.
 */
function storeHead(res: ServerResponse, args: readonly unknown[]): void {
  const [status, second, third] = args;
  if (typeof status === 'number') res.statusCode = status;
  // HTTP/2 has no status message, and its response object warns at each try to set one.
  if (typeof second === 'string' && !('stream' in res)) res.statusMessage = second;
  const headers = (typeof second === 'string' ? third : (second ?? third)) as WriteHeadHeaders | undefined;
  if (!headers) return;
  const pairs = pairsOf(headers).filter(([, value]) => value !== undefined);
  for (const [name] of pairs) res.removeHeader(name);
  for (const [name, value] of pairs) {
    const text = Array.isArray(value) ? (value as string[]) : String(value);
    if (res.hasHeader(name)) res.appendHeader(name, text);
    else res.setHeader(name, text);
  }
}

type Overridden = 'writeHead' | 'write' | 'end' | 'flushHeaders';

type Callback = (error?: Error | null) => void;
type EndArguments = readonly [chunk?: unknown, encoding?: BufferEncoding | Callback, callback?: Callback];

function toBuffer(chunk: unknown, encoding: unknown): Buffer {
  if (typeof chunk === 'string') {
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  }
  // Copied: the host may reuse its buffer as soon as the write's callback ran.
  return Buffer.from(chunk as Uint8Array);
}

type ViewedName = 'headersSent' | 'writableEnded';

const views = new WeakMap<object, { view(name: ViewedName): boolean }>();

const hostView = (name: ViewedName): PropertyDescriptor => ({
  configurable: true,
  get(this: object) {
    return views.get(this)?.view(name);
  },
});

/**
 * Frameworks read these to learn whether an answer was sent: the host must see its own answer, not
 * ours to come. The same functions for all responses: with closures of its own each would be a kind
 * of object that V8 has never seen.
 */
const HOST_VIEWS: PropertyDescriptorMap = {
  headersSent: hostView('headersSent'),
  writableEnded: hostView('writableEnded'),
};

/** Takes over a response until the host's answer turns out to be none of ours. */
export class InterceptedResponse {
  readonly #res: ServerResponse;
  readonly #native: Pick<ServerResponse, Overridden>;
  readonly #overrides: Readonly<Record<Overridden, unknown>>;
  readonly #listener: HostListener;
  readonly #maxBytes: number;
  /** Undefined until the host's head stands. */
  #verdict: Verdict | undefined;
  #hostEnded = false;
  #sending = false;
  #chunks: Buffer[] = [];
  #size = 0;

  /** @param maxBytes of the host's body that are kept in memory. */
  constructor(res: ServerResponse, listener: HostListener, maxBytes: number) {
    this.#res = res;
    this.#listener = listener;
    this.#maxBytes = maxBytes;
    this.#native = { writeHead: res.writeHead, write: res.write, end: res.end, flushHeaders: res.flushHeaders };
    this.#overrides = {
      writeHead: (...args: unknown[]) => this.#writeHead(args),
      write: (...args: EndArguments) => this.#write(args),
      end: (...args: EndArguments) => this.#end(args),
      flushHeaders: () => this.#flushHeaders(),
    };
    Object.assign(res, this.#overrides);
    views.set(res, this);
    Object.defineProperties(res, HOST_VIEWS);
  }

  /** What `headersSent` and `writableEnded` of the response are for a caller now. */
  view(name: ViewedName): boolean {
    if (this.#sending) return Reflect.get(Object.getPrototypeOf(this.#res) as object, name, this.#res) as boolean;
    return name === 'headersSent' ? this.#verdict !== undefined : this.#hostEnded;
  }

  /**
   * Sends the headers that are in `res` and `body` instead of the host's answer. The host's verdict
   * must be `collect` or `discard`.
   */
  answer(status: number, body?: Uint8Array): void {
    this.discard();
    // The host's reason phrase belongs to its status. (Only where it has set one: HTTP/2 has none
    // and warns of any try.)
    if (Object.hasOwn(this.#res, 'statusMessage')) this.#res.statusMessage = '';
    this.#sending = true;
    try {
      // Node's own methods, not those in `res` now: wrappers put around ours have run once for the
      // host's answer.
      this.#call('writeHead', [status]);
      this.#call('end', body === undefined ? [] : [body]);
    } finally {
      this.#sending = false;
    }
  }

  /** Drops what was kept and ignores the host from now on. */
  discard(): void {
    this.#verdict = 'discard';
    this.#chunks = [];
  }

  #restore(): void {
    for (const name of Object.keys(this.#overrides) as Overridden[]) {
      // Where other middleware has wrapped ours, ours stays below it and hands everything through.
      if (this.#res[name] === this.#overrides[name]) Object.assign(this.#res, { [name]: this.#native[name] });
    }
    for (const name of Object.keys(HOST_VIEWS)) Reflect.deleteProperty(this.#res, name);
  }

  /**
   * A call, so that the compiler does not take an earlier look at the field for the present one.
   */
  #isPassing(): boolean {
    return this.#verdict === 'pass';
  }

  #decide(): void {
    this.#verdict = this.#listener.onHead();
    if (this.#verdict === 'pass') this.#restore();
  }

  #writeHead(args: readonly unknown[]): ServerResponse {
    if (this.#sending || this.#verdict === 'pass') return this.#call('writeHead', args);
    if (this.#verdict !== undefined) return this.#res;
    storeHead(this.#res, args);
    this.#decide();
    // The headers are in the store by now, so the flat arrays of some adapters never reach
    // middleware below.
    return this.#isPassing() ? this.#call('writeHead', [this.#res.statusCode]) : this.#res;
  }

  /**
   * What Node does at the first byte of a body: `writeHead` as it is now, so that wrappers put
   * around ours run as well.
   */
  #ensureHead(): void {
    if (this.#verdict === undefined) this.#res.writeHead(this.#res.statusCode);
  }

  #write(args: EndArguments): boolean {
    if (this.#sending) return this.#call('write', args);
    this.#ensureHead();
    if (this.#isPassing()) return this.#call('write', args);
    const [chunk, encoding, callback] = args;
    const isFlowing = this.#keep(chunk, encoding);
    const done = typeof encoding === 'function' ? encoding : callback;
    if (done) process.nextTick(done);
    return isFlowing;
  }

  #end(args: EndArguments): ServerResponse {
    if (this.#sending) return this.#call('end', args);
    this.#ensureHead();
    if (this.#isPassing()) return this.#call('end', args);
    if (this.#hostEnded) return this.#res;
    const [chunk, encoding] = args;
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') this.#keep(chunk, encoding);
    if (this.#isPassing()) {
      const callbacks = args.filter((argument) => typeof argument === 'function');
      return this.#call('end', callbacks);
    }
    const done = args.find((argument) => typeof argument === 'function') as Callback | undefined;
    if (done) this.#res.once('finish', done);
    this.#hostEnded = true;
    if (this.#verdict === 'collect') {
      const body = Buffer.concat(this.#chunks);
      this.discard();
      this.#listener.onBody(body);
    }
    return this.#res;
  }

  #flushHeaders(): void {
    if (!this.#sending) this.#ensureHead();
    if (this.#sending || this.#isPassing()) this.#call('flushHeaders', []);
  }

  /** False when the client is slower than the host, which then waits for `drain`. */
  #keep(chunk: unknown, encoding: unknown): boolean {
    if (this.#verdict !== 'collect') return true;
    const bytes = toBuffer(chunk, encoding);
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    return this.#size <= this.#maxBytes || this.#overflow();
  }

  #overflow(): boolean {
    const kept = this.#chunks;
    this.discard();
    if (this.#listener.onOverflow() === 'discard') return true;
    this.#verdict = 'pass';
    this.#restore();
    this.#call('writeHead', [this.#res.statusCode]);
    return kept.map((bytes) => this.#call('write', [bytes])).at(-1) ?? true;
  }

  #call<Name extends Overridden>(name: Name, args: readonly unknown[]): ReturnType<ServerResponse[Name]> {
    return Reflect.apply(this.#native[name] as (...given: unknown[]) => unknown, this.#res, args) as ReturnType<
      ServerResponse[Name]
    >;
  }
}
