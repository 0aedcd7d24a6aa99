/** From a request's hint and a host's picture to the enlarged one; and what becomes of it when that fails. */
import { DualscaleError } from '../../core/errors.ts';
import type {
  EnlargeRequest,
  FallbackModel,
  OnError,
  OnLimit,
  PictureUpscaler,
  RequestOutcome,
  ServingModel,
} from '../service/picture-upscaler.ts';
import type { SkipReason } from './classify-answer.ts';
import { fillBox } from './request/fill-box.ts';
import type { UpscaleQuery } from './request/parse-request.ts';
import { toProblem } from './respond.ts';

/** What `enlarge` needs beside the hint. */
export type EnlargeContext = Omit<EnlargeRequest, 'scale' | 'model' | 'fit'>;

/** For a host's picture whose bytes are too many to be kept. */
export function tooLarge(maxInputBytes: number): DualscaleError {
  const publicDetail = `The limit is ${maxInputBytes} bytes.`;
  const message = `the host's picture exceeds maxInputBytes. ${publicDetail}`;
  return new DualscaleError('DS_INPUT_TOO_LARGE', message, { publicDetail });
}

/** What `enlarge` is to be asked for. */
export interface EnlargePlan {
  readonly request: EnlargeRequest & { readonly model: ServingModel };
  readonly fallbackModel?: FallbackModel;
}

/**
 * What to do with a still picture of a known format; `large-enough` where it fills the asked box already. Throws DS_BAD_IMAGE,
 * DS_UNSUPPORTED_IMAGE.
 */
export async function planUpscale(
  pictures: PictureUpscaler,
  bytes: Buffer,
  { models, box }: UpscaleQuery,
  context: EnlargeContext,
): Promise<EnlargePlan | 'large-enough'> {
  const filling = box === undefined ? { model: models[0] } : fillBox(await pictures.inspect(bytes), box, models);
  if (filling === undefined) return 'large-enough';
  const request = { ...context, ...filling, scale: filling.model.scale, among: models };
  if (filling.model.fallbackModels === undefined) return { request };
  const { model, why, better } = await pictures.choose(bytes, request);
  return { request: { ...request, model }, fallbackModel: why === undefined ? undefined : { model, why, better } };
}

export interface FailurePolicies {
  readonly onLimit: OnLimit;
  readonly onError: OnError;
}

export interface Failure {
  readonly problem: DualscaleError;
  readonly outcome: RequestOutcome;
  /** For the log. */
  readonly isServerFault: boolean;
  /** Why the host's own picture goes out; undefined where the problem does. */
  readonly instead: SkipReason | undefined;
}

const LIMITS: ReadonlySet<string> = new Set(['DS_INPUT_TOO_LARGE', 'DS_OUTPUT_TOO_LARGE']);
/** There was too much to do, or no time left; nothing is broken. */
const BUSY: ReadonlySet<string> = new Set(['DS_BUSY', 'DS_DEADLINE', 'DS_CLOSING']);

/** A failure after the host has answered with a picture. */
export function judgeFailure(error: unknown, policies: FailurePolicies): Failure {
  const thrown = toProblem(error);
  // The client is still there, so it was the server that gave up: it is closing.
  const problem = thrown.code === 'DS_ABORTED' ? new DualscaleError('DS_CLOSING', thrown.message) : thrown;
  const isBusy = BUSY.has(problem.code);
  const isServerFault = problem.status >= 500 && !isBusy;
  const outcome = isBusy ? 'busy' : isServerFault ? 'failed' : 'rejected';
  return { problem, outcome, isServerFault, instead: insteadOf(problem, isBusy, policies) };
}

function insteadOf(problem: DualscaleError, isBusy: boolean, policies: FailurePolicies): SkipReason | undefined {
  // `clamp` comes here only where not even the smallest scale fits.
  if (LIMITS.has(problem.code)) return policies.onLimit === 'reject' ? undefined : 'too-large';
  if (policies.onError === 'fail') return undefined;
  if (isBusy) return 'busy';
  return problem.status >= 500 ? 'failed' : 'bad-image';
}
