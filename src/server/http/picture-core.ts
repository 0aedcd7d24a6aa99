/** What every host's adapter is built on: a request's facts in, an exchange or a refusal out. */
import type { DualscaleError } from '../../core/errors.ts';
import { toProblem } from './classify.ts';
import { Exchange, type ExchangeDeps } from './exchange.ts';
import { upscaleValues, withoutParameters } from './parameters.ts';
import { type SigningOptions, verifySignature } from './signature.ts';
import { type Models, parseUpscaleQuery, queryText } from './upscale-query.ts';

/**
 * What becomes of a parameter that is not allowed: a 400, or the host's own answer as if it were
 * not there.
 */
export type OnBadParameter = 'reject' | 'ignore';

export interface CoreDeps extends ExchangeDeps {
  readonly models: Models;
  readonly onBadParameter: OnBadParameter;
  readonly signing: Required<SigningOptions> | undefined;
  /** Milliseconds since 1970. */
  readonly unixMs: () => number;
}

export interface RequestFacts {
  readonly method: string;
  /**
   * Path and query as the host's routes see it (a mount point may have been cut off), or a whole
   * URL.
   */
  readonly url: string;
  /** Path and query as the client sent it: what was signed. */
  readonly clientUrl: string;
  /** The `Host` header: one server may answer for several. */
  readonly hostName: string;
  readonly ifNoneMatch: string | undefined;
}

export type Begun =
  | { readonly kind: 'refused'; readonly problem: DualscaleError }
  /** The host gets the request as `url`, and nothing is enlarged. */
  | { readonly kind: 'ignored'; readonly url: string }
  /** The host gets a request for `url`, a whole and plain picture: see `HIDDEN_HEADERS`. */
  | { readonly kind: 'exchange'; readonly url: string; readonly exchange: Exchange };

export class PictureCore {
  readonly deps: CoreDeps;

  constructor(deps: CoreDeps) {
    this.deps = deps;
  }

  /**
   * Undefined for requests without the parameter and other methods than GET and HEAD, at the cost
   * of one string search.
   */
  begin(facts: RequestFacts): Begun | undefined {
    const { method, url } = facts;
    const values = upscaleValues(url);
    if (values === undefined || (method !== 'GET' && method !== 'HEAD')) return undefined;
    const { meter, onRequest, onBadParameter } = this.deps;
    try {
      return { kind: 'exchange', url: withoutParameters(url), exchange: this.#exchange(facts, values) };
    } catch (error) {
      const problem = toProblem(error);
      meter.error(problem.code);
      const isIgnored = onBadParameter === 'ignore' && problem.code === 'DS_BAD_PARAMETER';
      onRequest({ outcome: isIgnored ? 'passed' : 'rejected' });
      return isIgnored ? { kind: 'ignored', url: withoutParameters(url) } : { kind: 'refused', problem };
    }
  }

  #exchange({ method, url, clientUrl, hostName, ifNoneMatch }: RequestFacts, values: readonly string[]): Exchange {
    const { models, signing, unixMs } = this.deps;
    if (signing) verifySignature(clientUrl, signing, unixMs());
    const query = parseUpscaleQuery(queryText(url, values), models);
    const address = `${hostName} ${withoutParameters(clientUrl)}`;
    return new Exchange({ query, address, ifNoneMatch, isHead: method === 'HEAD' }, this.deps);
  }
}
