/** How long caches may keep a picture that is not the best there will be. */
import type { HeaderStore } from './header-store.ts';

/** Rules for single caches, which would go before the general one; and what lets a stale answer live on. */
const OVERRULING = ['cdn-cache-control', 'surrogate-control', 'expires'];
const PROLONGING = /^(?:immutable|stale-while-revalidate|stale-if-error)\b/i;
const LIFETIME = /^(s-maxage|max-age)\s*=\s*"?(\d+)"?$/i;

function shortened(directive: string, seconds: number): string {
  const [, name, lifetime] = LIFETIME.exec(directive) ?? [];
  return name === undefined ? directive : `${name}=${Math.min(seconds, Number(lifetime))}`;
}

/**
 * Lets caches ask again after `seconds` at the latest. Shorter times, `no-store`, `no-cache` and `private` stay as the host set them;
 * where it set nothing nothing is set.
 */
export function limitFreshness(headers: HeaderStore, seconds: number): void {
  const expires = OVERRULING.filter((name) => headers.get(name) != null).length > 0;
  for (const name of OVERRULING) headers.delete(name);
  const directives = (headers.get('cache-control') ?? '')
    .split(',')
    .map((directive) => directive.trim())
    .filter((directive) => directive !== '' && !PROLONGING.test(directive))
    .map((directive) => shortened(directive, seconds));
  const isTimed = directives.some((directive) => LIFETIME.test(directive));
  // What lived by a header that is gone now lives by this one.
  const isKept = !directives.some((directive) => /^no-(?:store|cache)\b/i.test(directive));
  if (expires && !isTimed && isKept) directives.push(`max-age=${seconds}`);
  if (directives.length > 0) headers.set('Cache-Control', directives.join(', '));
}
