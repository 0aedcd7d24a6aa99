/** `dualscale/fastify`: enlarges what Fastify's routes and plugins send, in the `onSend` hook. */
import { Readable } from 'node:stream';
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import { guard } from '../../core/guarded.ts';
import type { Exchange } from '../http/exchange.ts';
import { hideHeaders, hideQuery, rewriteUrl } from '../http/parameters.ts';
import type { PictureCore } from '../http/picture-core.ts';
import { type Answer, describeProblem, type HeaderStore, type HeadVerdict } from '../http/respond.ts';

export interface FastifyUpscaleOptions {
  readonly dualscale: { readonly core: PictureCore };
}

function replyHeaders(reply: FastifyReply): HeaderStore {
  const get = (name: string) => {
    const value = reply.getHeader(name);
    return Array.isArray(value) ? value.join(', ') : value === undefined ? undefined : String(value);
  };
  return {
    get,
    set: (name, value) => void reply.header(name, value),
    append(name, value) {
      const present = get(name);
      reply.header(name, present ? `${present}, ${value}` : value);
    },
    delete: (name) => void reply.removeHeader(name),
  };
}

/** Undefined for what Fastify itself does not send. */
function streamOf(payload: unknown): Readable | undefined {
  if (payload === null || payload === undefined) return Readable.from([]);
  if (payload instanceof Readable) return payload;
  if (payload instanceof ReadableStream) return Readable.fromWeb(payload as never);
  if (typeof payload === 'string' || payload instanceof Uint8Array) return Readable.from([Buffer.from(payload)]);
  return undefined;
}

async function* continued(kept: readonly Buffer[], rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield* kept;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/**
 * The whole payload, or what is sent instead because it is too large. Ends early when nobody waits
 * any more.
 */
async function collect(stream: Readable, exchange: Exchange): Promise<Buffer | Readable | Answer> {
  exchange.gone.addEventListener('abort', () => void stream.destroy(), { once: true });
  const kept: Buffer[] = [];
  let size = 0;
  const iterator = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    kept.push(Buffer.from(next.value));
    size += next.value.length;
    if (size <= exchange.maxBytes) continue;
    const verdict = exchange.overflow();
    if (verdict === 'pass') return Readable.from(continued(kept, iterator));
    stream.destroy();
    return verdict;
  }
  return Buffer.concat(kept);
}

/** A stream: the host's own answer is sent after all. Undefined when nobody waits any more. */
async function answerOf(
  verdict: Exclude<HeadVerdict, 'pass'>,
  stream: Readable,
  exchange: Exchange,
): Promise<Answer | Readable | undefined> {
  if (verdict === 'gone') return undefined;
  if (verdict !== 'collect') return verdict;
  try {
    const collected = await collect(stream, exchange);
    return Buffer.isBuffer(collected) ? await exchange.body(collected) : collected;
  } catch (error) {
    // We have ended the stream ourselves.
    if (exchange.gone.aborted) return undefined;
    throw error;
  }
}

/**
 * Status and headers of a `Response` are in its payload until Fastify unpacks it, which is after
 * this hook.
 */
function unpack(reply: FastifyReply, payload: unknown): unknown {
  if (!(payload instanceof Response)) return payload;
  reply.code(payload.status);
  for (const [name, value] of payload.headers) reply.header(name, value);
  return payload.body;
}

/** A request with the parameter, from the `onRequest` hook to its answer. */
interface Pending {
  readonly exchange: Exchange;
  /** Whether Fastify has begun to send an answer. */
  isSending: boolean;
  /** What is sent because the host was too slow. */
  expired?: Answer;
}

async function transform(pending: Pending, reply: FastifyReply, payload: unknown): Promise<unknown> {
  const { exchange } = pending;
  const verdict = exchange.head(reply.statusCode, replyHeaders(reply));
  if (verdict === 'pass') return payload;
  const stream = streamOf(payload);
  if (stream === undefined) {
    exchange.leave();
    return payload;
  }
  const answer = (await answerOf(verdict, stream, exchange)) ?? pending.expired;
  if (answer instanceof Readable) return answer;
  stream.destroy();
  if (answer) reply.code(answer.status);
  if (answer?.body) return Buffer.from(answer.body);
  // The HEAD routes that Fastify adds look into the payload; only a stream does not give them a
  // length of its own.
  return reply.request.method === 'HEAD' ? Readable.from([]) : null;
}

/**
 * Register it before the routes whose pictures it is to enlarge. Replies that are taken over from
 * Fastify (`reply.hijack()`, writing to `reply.raw`) are not enlarged.
 *
 * @example await app.register(upscale, { dualscale }); await app.register(fastifyStatic, { root });
 */
export const upscale: FastifyPluginCallback<FastifyUpscaleOptions> = (fastify, { dualscale }, done) => {
  const { core } = dualscale;
  const pendings = new WeakMap<FastifyRequest, Pending>();

  const expire = (request: FastifyRequest, reply: FastifyReply, pending: Pending): void => {
    const { exchange, isSending } = pending;
    // What the host writes past Fastify is its own.
    if (reply.sent && !isSending) {
      exchange.leave();
      return;
    }
    pending.expired = exchange.expire(replyHeaders(reply));
    // A body that was being collected has ended with it, and the hook sends this answer.
    if (!pending.expired || isSending) return;
    pendings.delete(request);
    reply.code(pending.expired.status).send(Buffer.from(pending.expired.body ?? []));
  };

  fastify.addHook('onRequest', (request, reply, next) => {
    const { raw } = request;
    const { url = '/', method = 'GET', headers } = raw;
    const facts = { method, url, clientUrl: request.originalUrl, hostName: headers.host ?? '' };
    const begun = core.begin({ ...facts, ifNoneMatch: headers['if-none-match'] });
    if (begun?.kind === 'refused') {
      const body = describeProblem(replyHeaders(reply), begun.problem);
      reply.code(begun.problem.status).send(body);
      return;
    }
    if (begun) {
      rewriteUrl(raw, begun.url);
      hideQuery(request.query);
    }
    if (begun?.kind === 'exchange') {
      hideHeaders(raw);
      const { exchange } = begun;
      const pending: Pending = { exchange, isSending: false };
      pendings.set(request, pending);
      const onTimeout = guard(() => expire(request, reply, pending), core.deps.onFailure);
      const timer = setTimeout(onTimeout, exchange.deadlineMs);
      reply.raw.once('close', () => {
        clearTimeout(timer);
        exchange.leave();
      });
    }
    next();
  });

  fastify.addHook('onSend', async (request, reply, payload) => {
    const pending = pendings.get(request);
    if (!pending) return payload;
    pendings.delete(request);
    pending.isSending = true;
    return transform(pending, reply, unpack(reply, payload));
  });
  done();
};

// What `fastify-plugin` sets: hooks then apply to the plugin's siblings, not only inside it.
Object.assign(upscale, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'dualscale',
  [Symbol.for('plugin-meta')]: { name: 'dualscale', fastify: '5.x' },
});
