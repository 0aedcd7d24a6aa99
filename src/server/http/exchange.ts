/** One request with the parameter, from the head of the host's answer to ours. */
import { DualscaleError } from '../../core/errors.ts';
import type { EndedRequest } from '../../core/upscale/serving.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { ServingModel } from '../models/model-registry.ts';
import type { Admission } from '../service/admission/admission.ts';
import type { EnlargeRequest, FallbackModel, ServedPicture } from '../service/picture.ts';
import { bodyDigest } from '../service/picture-cache.ts';
import type { PictureService } from '../service/picture-service.ts';
import {
  announcedLength,
  classifyAnswer,
  classifyBody,
  classifyFailure,
  type FailurePolicies,
  hostEtag,
  type RequestOutcome,
  type SkipReason,
  tooLarge,
} from './classify.ts';
import {
  type Answer,
  describeBody,
  describeNotModified,
  describePicture,
  describeProblem,
  describeUnchanged,
  etagOf,
  type HeaderStore,
  type HeadVerdict,
  markPassedOn,
  markSkipped,
  matchesIfNoneMatch,
} from './respond.ts';
import { fillBox, type UpscaleQuery } from './upscale-query.ts';

export interface ExchangeDeps extends FailurePolicies {
  readonly pictures: Pick<PictureService, 'peek' | 'choose' | 'enlarge'>;
  readonly admission: Pick<Admission, 'reserve' | 'retryAfterSeconds'>;
  readonly meter: Pick<Metrics, 'inflight' | 'stage' | 'chosen' | 'skipped' | 'error'>;
  /** Settings of the encoder and policies as text: part of every validator. */
  readonly encoding: string;
  readonly maxInputBytes: number;
  /** Milliseconds that the host has for its picture; `enlarge` keeps its own time. */
  readonly deadlineMs: number;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Called with each request that has ended. Must not throw. */
  readonly onRequest: (request: EndedRequest) => void;
  /** Called with the full error of each 5xx; the client gets the public text. Must not throw. */
  readonly onFailure: (error: unknown) => void;
}

export interface ExchangeRequest {
  readonly query: UpscaleQuery;
  /** Host, path and query without our parameters: what the host's ETag belongs to. */
  readonly address: string;
  readonly ifNoneMatch: string | undefined;
  readonly isHead: boolean;
}

/**
 * The adapter calls `head`, then `body` or `overflow` where the verdict was `collect`; `expire` at
 * the deadline, `fail` for a known error, `leave` at any time. They throw only for bad headers.
 */
export class Exchange {
  readonly #request: ExchangeRequest;
  readonly #deps: ExchangeDeps;
  readonly #gone = new AbortController();
  readonly #start: number;
  /** Aborted when nobody waits for the host: the client has left, or has another answer. */
  readonly gone: AbortSignal = this.#gone.signal;
  /** Bytes of the host's body that may be kept in memory. */
  readonly maxBytes: number;
  /** Milliseconds that the host has for its whole picture. */
  readonly deadlineMs: number;
  #headers!: HeaderStore;
  #mediaType = '';
  #isDone = false;
  #hasBody = false;
  #releaseSlot: () => void = () => {};

  constructor(request: ExchangeRequest, deps: ExchangeDeps) {
    this.#request = request;
    this.#deps = deps;
    this.maxBytes = deps.maxInputBytes;
    this.deadlineMs = deps.deadlineMs;
    this.#start = deps.now();
    deps.meter.inflight(1);
  }

  /** Call it before anything is sent. Changes `headers` to those of the answer. */
  head(status: number, headers: HeaderStore): HeadVerdict {
    // A host may answer long after its client has left: a slot would never be given back.
    if (this.#isDone) return 'gone';
    this.#headers = headers;
    try {
      return this.#answerHead(status);
    } catch (error) {
      return this.#failure(error) ?? 'pass';
    }
  }

  #answerHead(status: number): HeadVerdict {
    // 1. Is it a picture?
    const answer = classifyAnswer(status, this.#headers);
    if (answer.kind === 'other') {
      this.#finish('passed');
      return 'pass';
    }
    if (answer.kind === 'skip') return this.#skip(answer.reason) ?? 'pass';
    this.#mediaType = answer.mediaType;
    // 2. Does the client have it?
    const source = hostEtag(this.#headers);
    const etag = source === undefined ? undefined : this.#etag(source);
    if (this.#isKnown(etag)) return this.#notModified(etag, this.#onlyModel());
    if (this.#request.isHead) {
      describePicture(this.#headers, { model: this.#onlyModel(), etag });
      this.#finish('head');
      return { status: 200 };
    }
    // 3. Is it worth its bytes?
    const length = announcedLength(this.#headers);
    if (length === 0) return this.#skip('empty') ?? 'pass';
    if (length !== undefined && length > this.maxBytes) throw tooLarge(this.maxBytes);
    // 4. Is it in memory by the host's name for it?
    const inMemory = source === undefined ? undefined : this.#peek(source);
    if (inMemory) return inMemory;
    // 5. Is there room for its bytes?
    this.#releaseSlot = this.#deps.admission.reserve();
    return 'collect';
  }

  /** More than `maxBytes` came. `pass`: what was kept and the rest are sent unchanged. */
  overflow(): 'pass' | Answer {
    return this.#failure(tooLarge(this.maxBytes)) ?? 'pass';
  }

  /** The whole body of the host. Undefined when nobody waits any more. */
  async body(bytes: Buffer): Promise<Answer | undefined> {
    if (this.#isDone) return undefined;
    this.#hasBody = true;
    try {
      return await this.#answerBody(bytes);
    } catch (error) {
      if (this.#isDone) return undefined;
      return this.#failure(error) ?? { status: 200, body: bytes };
    }
  }

  async #answerBody(bytes: Buffer): Promise<Answer | undefined> {
    const { query, address } = this.#request;
    const hostMs = this.#deps.now() - this.#start;
    const skip = (reason: SkipReason): Answer => this.#skip(reason) ?? { status: 200, body: bytes };
    // 6. Does the client have it, now that its bytes are known?
    const digest = bodyDigest(bytes);
    const named = hostEtag(this.#headers);
    const source = named ?? digest;
    const etag = this.#etag(source);
    if (this.#isKnown(etag)) return this.#notModified(etag, this.#onlyModel());
    // 7. What is it? The one time that its header is read.
    const header = await classifyBody(bytes);
    if (this.#isDone) return undefined;
    if (typeof header === 'string') return skip(header);
    // 8. Which model enlarges it, and to which size?
    const { models, box } = query;
    const filling = box === undefined ? { model: models[0] } : fillBox(header, box, models);
    if (filling === undefined) return skip('large-enough');
    const picture = { bytes, header, digest };
    const request: EnlargeRequest = {
      ...filling,
      among: models,
      signal: this.gone,
      startedAt: this.#start,
      sourceName: named && this.#sourceName(named),
      address,
    };
    const { model, fallback } = await this.#deps.pictures.choose(picture, request);
    if (this.#isDone) return undefined;
    const known = this.#knownFallback(source, fallback);
    if (known) return known;
    // 9. The picture, from a cache or made.
    const enlarged = await this.#deps.pictures.enlarge(picture, { ...request, model });
    return this.#isDone ? undefined : this.#picture(enlarged, source, hostMs, fallback);
  }

  /** What to send for a host that is too slow; undefined when its picture has arrived. */
  expire(headers: HeaderStore): Answer | undefined {
    return this.fail(new DualscaleError('DS_DEADLINE', `no picture of the host after ${this.deadlineMs} ms`), headers);
  }

  /** What to send when the host's answer broke off for a known reason; see `expire`. */
  fail(error: unknown, headers: HeaderStore): Answer | undefined {
    if (this.#isDone || this.#hasBody) return undefined;
    this.#headers = headers;
    // There is no picture of the host's to pass on.
    const answer = this.#failure(error, 'fail');
    this.#gone.abort();
    return answer;
  }

  /** The client has left, or the host's answer broke off. */
  leave(): void {
    if (this.#isDone) return;
    this.#finish('aborted');
    this.#gone.abort();
  }

  #etag(source: string, fallbackModel?: ServingModel): string {
    const { query } = this.#request;
    return etagOf({ query, source, mediaType: this.#mediaType, encoding: this.#deps.encoding }, fallbackModel);
  }

  #isKnown(etag: string | undefined): etag is string {
    return etag !== undefined && matchesIfNoneMatch(this.#request.ifNoneMatch, etag);
  }

  /** A 304 where the client has the picture of the fallback model or of a better one. */
  #knownFallback(source: string, fallback: FallbackModel | undefined): Answer | undefined {
    const models = fallback ? [fallback.model, ...fallback.better] : [];
    const known = models.find((model) => this.#isKnown(this.#etag(source, model)));
    return known && this.#notModified(this.#etag(source, known), known, fallback?.why);
  }

  #sourceName(source: string): string {
    const { query, address } = this.#request;
    return [address, this.#mediaType, source, query.box ? query.canonical : ''].join(' ');
  }

  #peek(source: string): Answer | undefined {
    const { models, box } = this.#request.query;
    // Which of them is in time depends on the picture's size, which a box leaves open.
    if (box && models.some(({ fallbackModels }) => fallbackModels)) return undefined;
    const peeked = this.#deps.pictures.peek(this.#sourceName(source), models, this.#start);
    if (!peeked) return undefined;
    const { picture, fallback } = peeked;
    const hostMs = this.#deps.now() - this.#start;
    return this.#knownFallback(source, fallback) ?? this.#picture(picture, source, hostMs, fallback);
  }

  #onlyModel(): ServingModel | undefined {
    const { models, box } = this.#request.query;
    return box ? undefined : models[0];
  }

  /** Undefined: the host's own answer is sent, marked. */
  #skip(reason: SkipReason): Answer | undefined {
    markSkipped(this.#headers, reason);
    this.#deps.meter.skipped(reason);
    // It is sent with the host's validator, which the host has not seen in the request.
    const isKnown = this.#isKnown(hostEtag(this.#headers));
    this.#finish(isKnown ? 'not-modified' : 'skipped');
    return isKnown ? describeUnchanged(this.#headers) : undefined;
  }

  #notModified(etag: string, model: ServingModel | undefined, why?: string): Answer {
    this.#finish('not-modified');
    return describeNotModified(this.#headers, { model, etag, why });
  }

  #picture(picture: ServedPicture, source: string, hostMs: number, fallback: FallbackModel | undefined): Answer {
    const { meter } = this.#deps;
    const { modelId, scale, data, width, height } = picture;
    // The other stages are reported where they are done: once, however many wait for them.
    meter.stage('host', hostMs);
    if (this.#request.query.models.some((model) => model.scale === scale && model.fallbackModels)) {
      meter.chosen({ modelId, scale, why: fallback?.why ?? 'active' });
    }
    const etag = this.#etag(source, fallback?.model);
    describePicture(this.#headers, { model: undefined, etag, why: fallback?.why });
    describeBody(this.#headers, picture, hostMs, fallback);
    this.#finish(picture.cache === 'hit' ? 'cached' : 'upscaled');
    return { status: 200, body: data, size: { width, height } };
  }

  /** Undefined: the host's own answer is sent instead of the error, as the policies say. */
  #failure(error: unknown, onError = this.#deps.onError): Answer | undefined {
    const { meter, onFailure, admission, onLimit } = this.#deps;
    const { problem, outcome, isServerFault, instead } = classifyFailure(error, { onLimit, onError });
    if (isServerFault) onFailure(error);
    meter.error(problem.code);
    this.#finish(outcome);
    if (instead !== undefined) {
      meter.skipped(instead);
      markPassedOn(this.#headers, instead);
      return undefined;
    }
    const retryAfter = problem.status === 503 ? admission.retryAfterSeconds() : undefined;
    return { status: problem.status, body: describeProblem(this.#headers, problem, retryAfter) };
  }

  #finish(outcome: RequestOutcome): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#releaseSlot();
    const { meter, onRequest } = this.#deps;
    meter.inflight(-1);
    onRequest({ outcome, milliseconds: this.#deps.now() - this.#start });
  }
}
