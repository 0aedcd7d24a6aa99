/** The query parameter `upscale`: reading it, refusing bad values, and taking it out of the URL the host sees. */
import { DualscaleError } from '../errors.ts';

export const PARAMETER = 'upscale';

function isOurs(pair: string): boolean {
  return pair === PARAMETER || pair.startsWith(`${PARAMETER}=`);
}

/** Every value of the parameter as written, `''` for a bare name; undefined when the URL does not carry it. */
export function upscaleValues(url: string): string[] | undefined {
  const start = url.indexOf('?');
  // Most requests leave here: a request without the parameter must cost nothing.
  if (start < 0 || url.indexOf(PARAMETER, start) < 0) return undefined;
  const values = url
    .slice(start + 1)
    .split('&')
    .filter(isOurs)
    .map((pair) => pair.slice(PARAMETER.length + 1));
  return values.length > 0 ? values : undefined;
}

/** `url` without the parameter; the rest keeps its spelling and its order, because hosts sign and hash it. */
export function withoutParameter(url: string): string {
  const start = url.indexOf('?');
  if (start < 0) return url;
  const kept = url
    .slice(start + 1)
    .split('&')
    .filter((pair) => !isOurs(pair));
  return kept.length > 0 ? `${url.slice(0, start)}?${kept.join('&')}` : url.slice(0, start);
}

/** The asked scale. Throws DS_BAD_PARAMETER, naming the allowed values, for anything but one of `scales` written once. */
export function parseScale(values: readonly string[], scales: readonly number[]): number {
  const [text] = values;
  const scale = scales.find((candidate) => String(candidate) === text);
  if (scale !== undefined && values.length === 1) return scale;
  const allowed = `Allowed values of \`${PARAMETER}\`: ${scales.join(', ')}.`;
  throw new DualscaleError(
    'DS_BAD_PARAMETER',
    `expected \`${PARAMETER}\` to be one of ${scales.join(', ')}, got \`${values.join('`, `')}\``,
    {
      publicDetail: allowed,
    },
  );
}
