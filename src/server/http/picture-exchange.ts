/** One request with the parameter, from the head of the host's answer to ours, whatever the host is. */
import { DualscaleError } from '../../core/errors.ts';
import type {
  FallbackModel,
  PictureUpscaler,
  RequestMeter,
  RequestOutcome,
  ServedPicture,
  ServingModel,
} from '../service/picture-upscaler.ts';
import { announcedLength, classifyAnswer, hostEtag, type SkipReason } from './classify-answer.ts';
import type { Answer, Exchange, HeadVerdict } from './exchange.ts';
import type { HeaderStore } from './header-store.ts';
import { type FailurePolicies, judgeFailure, planUpscale, tooLarge } from './plan-upscale.ts';
import { bodyDigest, matchesIfNoneMatch } from './request/conditional.ts';
import type { UpscaleQuery } from './request/parse-request.ts';
import { type EtagParts, etagOf, knownFallbackModel } from './request/picture-etag.ts';
import {
  describeBody,
  describeNotModified,
  describePicture,
  describeProblem,
  markFailed,
  markSkipped,
  type ServedBy,
} from './respond.ts';

export interface ExchangeParts extends FailurePolicies {
  readonly pictures: PictureUpscaler;
  readonly meter: RequestMeter;
  readonly maxInputBytes: number;
  /** Milliseconds from the request until the host's picture must be there; `enlarge` keeps its own time. */
  readonly deadlineMs: number;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Told the full text of each 5xx; the client gets the public one. */
  readonly onFailure: (error: unknown) => void;
}

export interface ExchangeRequest {
  readonly asked: UpscaleQuery;
  /** Host, path and query without our parameters: what the host's ETag belongs to. */
  readonly address: string;
  readonly ifNoneMatch: string | undefined;
  readonly isHead: boolean;
}

/** Class rather than closures: the steps share what the request has and holds. */
class PictureExchange implements Exchange {
  readonly #request: ExchangeRequest;
  readonly #parts: ExchangeParts;
  readonly #gone = new AbortController();
  readonly #start: number;
  #headers!: HeaderStore;
  #mediaType = '';
  #isDone = false;
  #hasBody = false;
  #leavePlace: () => void = () => {};

  constructor(request: ExchangeRequest, parts: ExchangeParts) {
    this.#request = request;
    this.#parts = parts;
    this.#start = parts.now();
    parts.meter.inflight(1);
  }

  get maxBytes(): number {
    return this.#parts.maxInputBytes;
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  head(status: number, headers: HeaderStore): HeadVerdict {
    // A host may answer long after its client has left; a place taken then would never be given back.
    if (this.#isDone) return 'gone';
    this.#headers = headers;
    try {
      return this.#judgeHead(status);
    } catch (error) {
      return this.#failure(error) ?? 'pass';
    }
  }

  overflow(): 'pass' | Answer {
    return this.#failure(tooLarge(this.#parts.maxInputBytes)) ?? 'pass';
  }

  async body(bytes: Buffer): Promise<Answer | undefined> {
    if (this.#isDone) return undefined;
    this.#hasBody = true;
    try {
      return await this.#judgeBody(bytes);
    } catch (error) {
      if (this.#isDone) return undefined;
      return this.#failure(error) ?? { status: 200, body: bytes };
    }
  }

  get deadlineMs(): number {
    return this.#parts.deadlineMs;
  }

  expire(headers: HeaderStore): Answer | undefined {
    const message = `the host's picture was not there after ${this.deadlineMs} ms`;
    return this.fail(new DualscaleError('DS_DEADLINE', message), headers);
  }

  fail(error: unknown, headers: HeaderStore): Answer | undefined {
    if (this.#isDone || this.#hasBody) return undefined;
    this.#headers = headers;
    // There is no picture of the host's to pass on.
    const answer = this.#failure(error, 'fail');
    this.#gone.abort();
    return answer;
  }

  leave(): void {
    if (this.#isDone) return;
    this.#finish('aborted');
    this.#gone.abort();
  }

  #judgeHead(status: number): HeadVerdict {
    const { pictures, maxInputBytes } = this.#parts;
    const answer = classifyAnswer(status, this.#headers);
    if (answer.kind === 'other') {
      this.#finish('passed');
      return 'pass';
    }
    if (answer.kind === 'skip') return this.#skip(answer.reason) ?? 'pass';
    this.#mediaType = answer.mediaType;
    const source = hostEtag(this.#headers);
    const etag = source === undefined ? undefined : this.#etag(source);
    if (this.#isKnown(etag)) return this.#notModified(etag);
    if (this.#request.isHead) return this.#headOnly(etag);
    const length = announcedLength(this.#headers);
    if (length === 0) return this.#skip('empty') ?? 'pass';
    if (length !== undefined && length > maxInputBytes) throw tooLarge(maxInputBytes);
    const cached = source === undefined ? undefined : this.#peek(source);
    if (cached && source !== undefined) {
      return this.#knownFallbackModel(source, cached.fallbackModel) ?? this.#picture(cached, source, this.#elapsed());
    }
    this.#leavePlace = pictures.reserve();
    return 'collect';
  }

  async #judgeBody(bytes: Buffer): Promise<Answer | undefined> {
    const { pictures } = this.#parts;
    const hostMs = this.#elapsed();
    const digest = bodyDigest(bytes);
    const source = hostEtag(this.#headers);
    const etag = this.#etag(source ?? digest);
    if (this.#isKnown(etag)) return this.#notModified(etag);
    const reason = bytes.length === 0 ? 'empty' : await pictures.skipReason(bytes);
    const plan =
      reason ??
      (await planUpscale(pictures, bytes, this.#request.asked, {
        signal: this.#gone.signal,
        startedAt: this.#start,
        digest,
        source: source === undefined ? undefined : this.#sourceName(source),
        address: this.#request.address,
      }));
    if (this.#isDone) return undefined;
    if (typeof plan === 'string') return this.#skip(plan) ?? { status: 200, body: bytes };
    const { request, fallbackModel } = plan;
    const known = this.#knownFallbackModel(source ?? digest, fallbackModel);
    if (known) return known;
    const picture = await pictures.enlarge(bytes, request);
    if (this.#isDone) return undefined;
    return this.#picture({ ...picture, ...(fallbackModel ? { fallbackModel } : {}) }, source ?? digest, hostMs);
  }

  #elapsed(): number {
    return this.#parts.now() - this.#start;
  }

  #etagParts(source: string): EtagParts {
    const { encoding } = this.#parts.pictures;
    return { asked: this.#request.asked, source, mediaType: this.#mediaType, encoding };
  }

  #etag(source: string, fallbackModel?: ServingModel): string {
    return etagOf(this.#etagParts(source), fallbackModel);
  }

  #isKnown(etag: string | undefined): etag is string {
    return etag !== undefined && matchesIfNoneMatch(this.#request.ifNoneMatch, etag);
  }

  #knownFallbackModel(source: string, fallbackModel: FallbackModel | undefined): Answer | undefined {
    const { ifNoneMatch } = this.#request;
    const known =
      fallbackModel && ifNoneMatch && knownFallbackModel(this.#etagParts(source), fallbackModel, ifNoneMatch);
    return known ? this.#notModified(known.etag, known) : undefined;
  }

  #sourceName(source: string): string {
    const { asked, address } = this.#request;
    return [address, this.#mediaType, source, ...(asked.box ? [asked.canonical] : [])].join(' ');
  }

  #peek(source: string): ServedPicture | undefined {
    const { models, box } = this.#request.asked;
    // Which of them is in time depends on the picture's size, which a box leaves open.
    if (box && models.some(({ fallbackModels }) => fallbackModels)) return undefined;
    return this.#parts.pictures.peek(this.#sourceName(source), models, this.#start);
  }

  /** Undefined: the host's own answer goes out, marked. */
  #skip(reason: SkipReason): Answer | undefined {
    markSkipped(this.#headers, reason);
    this.#parts.meter.skipped(reason);
    // It goes out with the host's validator, which the host itself was not shown.
    const etag = hostEtag(this.#headers);
    const isKnown = this.#isKnown(etag);
    this.#finish(isKnown ? 'not-modified' : 'skipped');
    if (!isKnown) return undefined;
    for (const name of ['content-length', 'content-type']) this.#headers.delete(name);
    return { status: 304 };
  }

  #notModified(etag: string, { model, why }: Omit<ServedBy, 'etag'> = { model: this.#onlyModel() }): Answer {
    describeNotModified(this.#headers, { model, etag, why });
    this.#finish('not-modified');
    return { status: 304 };
  }

  #headOnly(etag: string | undefined): Answer {
    describePicture(this.#headers, { model: this.#onlyModel(), etag });
    this.#finish('head');
    return { status: 200 };
  }

  #onlyModel() {
    const { models, box } = this.#request.asked;
    return box ? undefined : models[0];
  }

  #picture(picture: ServedPicture, source: string, hostMs: number): Answer {
    const { meter } = this.#parts;
    const { modelId, scale, fallbackModel } = picture;
    const isCached = picture.cache === 'hit';
    // The other stages are reported where they are done: once, however many wait for them.
    meter.stage('host', hostMs);
    if (this.#request.asked.models.some((model) => model.scale === scale && model.fallbackModels)) {
      meter.chosen({ modelId, scale, why: fallbackModel?.why ?? 'active' });
    }
    describePicture(this.#headers, {
      model: undefined,
      etag: this.#etag(source, fallbackModel?.model),
      why: fallbackModel?.why,
    });
    describeBody(this.#headers, picture, hostMs);
    this.#finish(isCached ? 'cached' : 'upscaled');
    const { data, width, height } = picture;
    return { status: 200, body: data, size: { width, height } };
  }

  /** Undefined: the host's own answer goes out in the error's place, as the policies say. */
  #failure(error: unknown, onError = this.#parts.onError): Answer | undefined {
    const { meter, onFailure, pictures, onLimit } = this.#parts;
    const { problem, outcome, isServerFault, instead } = judgeFailure(error, { onLimit, onError });
    if (isServerFault) onFailure(error);
    meter.error(problem.code);
    if (instead !== undefined) {
      if (instead === 'too-large') markSkipped(this.#headers, instead);
      else markFailed(this.#headers, instead);
      meter.skipped(instead);
      this.#finish(instead === 'too-large' ? 'skipped' : 'passthrough');
      return undefined;
    }
    const body = describeProblem(
      this.#headers,
      problem,
      problem.status === 503 ? pictures.retryAfterSeconds() : undefined,
    );
    this.#finish(outcome);
    return { status: problem.status, body };
  }

  #finish(outcome: RequestOutcome): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#leavePlace();
    this.#parts.meter.inflight(-1);
    this.#parts.meter.request(outcome, this.#elapsed());
  }
}

export function createExchange(request: ExchangeRequest, parts: ExchangeParts): Exchange {
  return new PictureExchange(request, parts);
}
