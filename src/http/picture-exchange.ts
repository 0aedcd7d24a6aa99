/** One request with the parameter, from the head of the host's answer to ours. */
import type { ServerResponse } from 'node:http';
import { DualscaleError } from '../errors.ts';
import { announcedLength, classifyAnswer, hostEtag } from './classify-answer.ts';
import { bodyDigest, makeEtag, matchesIfNoneMatch } from './conditional.ts';
import { type HostListener, type Interception, interceptResponse, type Verdict } from './intercept-response.ts';
import type { PictureUpscaler, RequestMeter, RequestOutcome, ServingModel } from './picture-upscaler.ts';
import {
  describeBody,
  describeNotModified,
  describePicture,
  describeProblem,
  markSkipped,
  toProblem,
} from './respond.ts';

export interface ExchangeParts {
  readonly pictures: PictureUpscaler;
  readonly meter: RequestMeter;
  readonly maxInputBytes: number;
  readonly now: () => number;
  readonly onFailure: (error: unknown) => void;
}

export interface ExchangeRequest {
  readonly scale: number;
  readonly ifNoneMatch: string | undefined;
  readonly isHead: boolean;
}

/** Class rather than closures: the listener's methods and the steps after them share what the request has and holds. */
class PictureExchange implements HostListener {
  readonly #res: ServerResponse;
  readonly #request: ExchangeRequest;
  readonly #parts: ExchangeParts;
  readonly #model: ServingModel;
  readonly #interception: Interception;
  readonly #gone = new AbortController();
  readonly #start: number;
  #mediaType = '';
  #isDone = false;
  #leavePlace: () => void = () => {};

  constructor(res: ServerResponse, request: ExchangeRequest, parts: ExchangeParts) {
    this.#res = res;
    this.#request = request;
    this.#parts = parts;
    this.#model = parts.pictures.modelFor(request.scale);
    this.#start = parts.now();
    this.#interception = interceptResponse(res, this, parts.maxInputBytes);
    parts.meter.inflight(1);
    res.once('close', () => this.#onClose());
  }

  onHead(): Verdict {
    try {
      return this.#judgeHead();
    } catch (error) {
      this.#fail(error);
      return 'discard';
    }
  }

  #judgeHead(): Verdict {
    const answer = classifyAnswer(this.#res);
    if (answer.kind === 'other') return this.#pass('passed');
    if (answer.kind === 'skip') {
      markSkipped(this.#res, answer.reason);
      return this.#pass('skipped');
    }
    this.#mediaType = answer.mediaType;
    const source = hostEtag(this.#res);
    const etag = source === undefined ? undefined : this.#etag(source);
    if (this.#isKnown(etag)) return this.#answerNotModified(etag);
    if (this.#request.isHead) return this.#answerHead(etag);
    const length = announcedLength(this.#res);
    if (length === 0) return this.#skipEmpty();
    if (length !== undefined && length > this.#parts.maxInputBytes) throw this.#tooLarge();
    this.#leavePlace = this.#parts.pictures.reserve();
    return 'collect';
  }

  onOverflow(): void {
    this.#fail(this.#tooLarge());
  }

  onBody(body: Buffer): void {
    this.#answerBody(body).catch((error: unknown) => this.#fail(error));
  }

  async #answerBody(body: Buffer): Promise<void> {
    const { pictures, now, meter } = this.#parts;
    const { scale } = this.#request;
    const host = now() - this.#start;
    const digest = bodyDigest(body);
    const etag = this.#etag(hostEtag(this.#res) ?? digest);
    if (this.#isKnown(etag)) {
      this.#answerNotModified(etag);
      return;
    }
    const reason = body.length === 0 ? 'empty' : await pictures.skipReason(body);
    if (reason !== undefined) {
      markSkipped(this.#res, reason);
      this.#answer('skipped', 200, body);
      return;
    }
    const picture = await pictures.enlarge(body, {
      ...{ scale, model: this.#model, signal: this.#gone.signal, startedAt: this.#start, digest },
    });
    meter.stage('host', host);
    describePicture(this.#res, { modelId: picture.modelId, scale, etag });
    describeBody(this.#res, picture, { host, queue: picture.queueMs });
    this.#answer('upscaled', 200, picture.data);
  }

  #etag(source: string): string {
    const { scale } = this.#request;
    const { encoding } = this.#parts.pictures;
    return makeEtag({ source, mediaType: this.#mediaType, scale, modelDigest: this.#model.digest, encoding });
  }

  #isKnown(etag: string | undefined): etag is string {
    return etag !== undefined && matchesIfNoneMatch(this.#request.ifNoneMatch, etag);
  }

  #served(etag: string | undefined) {
    return { modelId: this.#model.id, scale: this.#request.scale, etag };
  }

  #pass(outcome: RequestOutcome): Verdict {
    this.#finish(outcome);
    return 'pass';
  }

  #skipEmpty(): Verdict {
    markSkipped(this.#res, 'empty');
    return this.#pass('skipped');
  }

  #answerNotModified(etag: string): Verdict {
    describeNotModified(this.#res, this.#served(etag));
    this.#answer('not-modified', 304);
    return 'discard';
  }

  #answerHead(etag: string | undefined): Verdict {
    describePicture(this.#res, this.#served(etag));
    this.#answer('head', 200);
    return 'discard';
  }

  #tooLarge(): DualscaleError {
    const limit = `The limit is ${this.#parts.maxInputBytes} bytes.`;
    return new DualscaleError('DS_INPUT_TOO_LARGE', `the host's picture exceeds maxInputBytes. ${limit}`, {
      publicDetail: limit,
    });
  }

  #fail(error: unknown): void {
    if (this.#isDone) return;
    const thrown = toProblem(error);
    // The client is still there, so it was the server that gave up: it is closing.
    const problem = thrown.code === 'DS_ABORTED' ? new DualscaleError('DS_BUSY', thrown.message) : thrown;
    const isBusy = problem.code === 'DS_BUSY';
    const isServerFault = problem.status >= 500 && !isBusy;
    if (isServerFault) this.#parts.onFailure(error);
    const body = describeProblem(this.#res, problem, isBusy ? this.#parts.pictures.retryAfterSeconds() : undefined);
    this.#answer(isBusy ? 'busy' : isServerFault ? 'failed' : 'rejected', problem.status, body);
  }

  #answer(outcome: RequestOutcome, status: number, body?: Uint8Array): void {
    if (this.#isDone) return;
    this.#finish(outcome);
    this.#interception.answer(status, body);
  }

  #onClose(): void {
    if (this.#isDone) return;
    this.#finish('aborted');
    this.#interception.discard();
    this.#gone.abort();
  }

  #finish(outcome: RequestOutcome): void {
    this.#isDone = true;
    this.#leavePlace();
    this.#parts.meter.inflight(-1);
    this.#parts.meter.request(outcome);
  }
}

/** Takes over `res` until the answer is out; the host may be called when this returns. */
export function startExchange(res: ServerResponse, request: ExchangeRequest, parts: ExchangeParts): void {
  new PictureExchange(res, request, parts);
}
