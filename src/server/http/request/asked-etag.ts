/** The validator of an answer to a request: which models may have made it is part of it. */
import type { ServingModel, StandIn } from '../../service/picture-upscaler.ts';
import { makeEtag, matchesIfNoneMatch } from './conditional.ts';
import type { Asked } from './parse-request.ts';

export interface AskedOf {
  readonly asked: Asked;
  /** The host's ETag, or a digest of its bytes. */
  readonly source: string;
  readonly mediaType: string;
  readonly encoding: string;
}

/** @param standIn makes the picture in the place of the model of its scale. */
export function etagOf({ asked, source, mediaType, encoding }: AskedOf, standIn?: ServingModel): string {
  const { models, canonical } = asked;
  const modelDigest = models.map((model) => (model.scale === standIn?.scale ? standIn : model).digest).join();
  return makeEtag({ source, mediaType, asked: canonical, modelDigest, encoding });
}

export interface KnownAnswer {
  readonly model: ServingModel;
  readonly etag: string;
  readonly why: StandIn['why'];
}

/** What the client has, where it is of the stand-in that would answer or of a better one: nothing is made to replace it. */
export function knownStandIn(
  of: AskedOf,
  { model, better, why }: StandIn,
  ifNoneMatch: string,
): KnownAnswer | undefined {
  for (const candidate of [model, ...better]) {
    const etag = etagOf(of, candidate);
    if (matchesIfNoneMatch(ifNoneMatch, etag)) return { model: candidate, etag, why };
  }
  return undefined;
}
