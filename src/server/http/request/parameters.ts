/** The names of our query parameters, and taking them out of the URL that the host sees. */

export const PARAMETER = 'upscale';
export const MODEL_PARAMETER = 'sr_model';
export const DEGRADATION_PARAMETER = 'sr_degradation';
export const SIGMA_PARAMETER = 'sr_sigma';
export const NOISE_PARAMETER = 'sr_noise';
export const EXPIRY_PARAMETER = 'sr_exp';
export const SIGNATURE_PARAMETER = 'sr_sig';

/** All of them. `w` and `h`, which `upscale=auto` reads, are the host's own and stay. */
export const PARAMETERS = [
  ...[PARAMETER, MODEL_PARAMETER, DEGRADATION_PARAMETER, SIGMA_PARAMETER, NOISE_PARAMETER],
  ...[EXPIRY_PARAMETER, SIGNATURE_PARAMETER],
] as const;

const nameOf = (pair: string): string => pair.split('=', 1)[0] as string;

function pairsOf(url: string): string[] {
  const start = url.indexOf('?');
  return start < 0 ? [] : url.slice(start + 1).split('&');
}

/** Every value of the parameter as written, `''` for a bare name. */
export function valuesOf(url: string, name: string): string[] {
  return pairsOf(url)
    .filter((pair) => nameOf(pair) === name)
    .map((pair) => pair.slice(name.length + 1));
}

/** Every value of `upscale`; undefined when the URL does not carry it. */
export function upscaleValues(url: string): string[] | undefined {
  const start = url.indexOf('?');
  // Most requests leave here: a request without the parameter must cost nothing.
  if (start < 0 || url.indexOf(PARAMETER, start) < 0) return undefined;
  const values = valuesOf(url, PARAMETER);
  return values.length > 0 ? values : undefined;
}

/** `url` without the named parameters; the rest keeps its spelling and its order, because hosts sign and hash it. */
export function withoutParameters(url: string, names: readonly string[] = PARAMETERS): string {
  const start = url.indexOf('?');
  if (start < 0) return url;
  const pairs = pairsOf(url);
  const kept = pairs.filter((pair) => !names.includes(nameOf(pair)));
  if (kept.length === pairs.length) return url;
  return kept.length > 0 ? `${url.slice(0, start)}?${kept.join('&')}` : url.slice(0, start);
}
