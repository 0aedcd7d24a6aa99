/** What every host's adapter is built on: a request's facts in, an exchange or a refusal out. */
import type { DualscaleError } from '../../core/errors.ts';
import type { Exchange } from './exchange.ts';
import { createExchange, type ExchangeParts } from './picture-exchange.ts';
import { upscaleValues, withoutParameters } from './request/parameters.ts';
import { parseUpscaleQuery, queryText } from './request/parse-request.ts';
import { type SigningOptions, verifySignature } from './request/signature.ts';
import { toProblem } from './respond.ts';

/** What becomes of a parameter that is not allowed: a 400, or the host's own answer as if it were not there. */
export type OnBadParameter = 'reject' | 'ignore';

export interface CoreParts extends ExchangeParts {
  readonly onBadParameter: OnBadParameter;
  readonly signing: Required<SigningOptions> | undefined;
  /** Milliseconds since 1970. */
  readonly unixMs: () => number;
}

export interface RequestFacts {
  readonly method: string;
  /** Path and query as the host's routes see it (a mount point may have been cut off), or a whole URL. */
  readonly url: string;
  /** Path and query as the client sent it: what was signed. */
  readonly clientUrl: string;
  /** The `Host` header: one server may answer for several. */
  readonly hostName: string;
  readonly ifNoneMatch: string | undefined;
}

export type Begun =
  | { readonly kind: 'refused'; readonly problem: DualscaleError }
  /** The request goes on to the host as `url`, without us. */
  | { readonly kind: 'ignored'; readonly url: string }
  /** The host is asked for `url`, a whole and plain picture: see `HIDDEN_HEADERS`. */
  | { readonly kind: 'exchange'; readonly url: string; readonly exchange: Exchange };

export interface PictureCore {
  /** Undefined for requests without the parameter and other methods than GET and HEAD, at the cost of one string search. */
  begin(facts: RequestFacts): Begun | undefined;
  readonly parts: CoreParts;
}

/**
 * What belongs to the enlarged picture and not to the host's: a validator or a byte range of ours means nothing to the host.
 * Adapters take these headers out of the request that the host sees.
 */
export const HIDDEN_HEADERS = [
  'if-none-match',
  'if-modified-since',
  'if-match',
  'if-unmodified-since',
  'range',
  'if-range',
  'accept-encoding',
] as const;

export function createPictureCore(parts: CoreParts): PictureCore {
  const { pictures, meter, signing, unixMs, onBadParameter } = parts;

  const start = (facts: RequestFacts, values: readonly string[]): Begun => {
    if (signing) verifySignature(facts.clientUrl, signing, unixMs());
    const asked = parseUpscaleQuery(queryText(facts.url, values), pictures);
    const address = `${facts.hostName} ${withoutParameters(facts.clientUrl)}`;
    const exchange = createExchange(
      { asked, address, ifNoneMatch: facts.ifNoneMatch, isHead: facts.method === 'HEAD' },
      parts,
    );
    return { kind: 'exchange', url: withoutParameters(facts.url), exchange };
  };

  return {
    parts,
    begin(facts) {
      const values = upscaleValues(facts.url);
      if (values === undefined || (facts.method !== 'GET' && facts.method !== 'HEAD')) return undefined;
      try {
        return start(facts, values);
      } catch (error) {
        const problem = toProblem(error);
        meter.error(problem.code);
        const isIgnored = onBadParameter === 'ignore' && problem.code === 'DS_BAD_PARAMETER';
        meter.request(isIgnored ? 'passed' : 'rejected');
        return isIgnored ? { kind: 'ignored', url: withoutParameters(facts.url) } : { kind: 'refused', problem };
      }
    },
  };
}
