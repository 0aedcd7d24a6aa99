/** The validator of an answer to a request: which models may have made it is part of it. */
import type { FallbackModel, ServingModel } from '../../service/picture-upscaler.ts';
import { makeEtag, matchesIfNoneMatch } from './conditional.ts';
import type { UpscaleQuery } from './parse-request.ts';

export interface EtagParts {
  readonly asked: UpscaleQuery;
  /** The host's ETag, or a digest of its bytes. */
  readonly source: string;
  readonly mediaType: string;
  readonly encoding: string;
}

/** @param fallbackModel makes the picture in the place of the model of its scale. */
export function etagOf({ asked, source, mediaType, encoding }: EtagParts, fallbackModel?: ServingModel): string {
  const { models, canonical } = asked;
  const modelDigest = models
    .map((model) => (model.scale === fallbackModel?.scale ? fallbackModel : model).digest)
    .join();
  return makeEtag({ source, mediaType, asked: canonical, modelDigest, encoding });
}

export interface KnownAnswer {
  readonly model: ServingModel;
  readonly etag: string;
  readonly why: FallbackModel['why'];
}

/** What the client has, where it is of the stand-in that would answer or of a better one: nothing is made to replace it. */
export function knownFallbackModel(
  of: EtagParts,
  { model, better, why }: FallbackModel,
  ifNoneMatch: string,
): KnownAnswer | undefined {
  for (const candidate of [model, ...better]) {
    const etag = etagOf(of, candidate);
    if (matchesIfNoneMatch(ifNoneMatch, etag)) return { model: candidate, etag, why };
  }
  return undefined;
}
