/** SVG pictures of measured numbers: axes, text and frames. */

export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  /** Position between 0 (low) and 1 (high). */
  readonly at: (value: number) => number;
}

/** 1, 2 or 5 times a power of ten, at least `rough`. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
}

export function linearAxis(low: number, high: number, wanted: number): Axis {
  const step = niceStep(Math.max(high - low, 1e-6) / wanted);
  const first = Math.floor(low / step);
  const last = Math.max(Math.ceil(high / step), first + 1);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  const from = ticks[0];
  const to = ticks[ticks.length - 1];
  return { low: from, high: to, ticks, at: (value) => (value - from) / (to - from) };
}

/** Ticks at 1, 2 and 5 times the powers of ten. Values must be above 0. */
export function logAxis(low: number, high: number): Axis {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const factor of [1, 2, 5]) ticks.push(Number((factor * 10 ** power).toPrecision(3)));
  }
  const first = ticks.findLastIndex((tick) => tick <= low);
  const end = ticks.findIndex((tick) => tick >= high);
  const used = ticks.slice(Math.max(first, 0), Math.max(end, first + 1) + 1);
  const from = used[0];
  const to = used[used.length - 1];
  return { low: from, high: to, ticks: used, at: (value) => Math.log(value / from) / Math.log(to / from) };
}

export const escapeXml = (content: string): string => content.replace(/[<>&]/g, (sign) => `&#${sign.charCodeAt(0)};`);

export const text = (x: number, y: number, content: string, attributes = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escapeXml(content)}</text>`;

export const dot = (x: number, y: number, radius: number, color: string): string =>
  `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}" fill="${color}"/>`;

/** Where a panel lies in its picture, in pixels. */
export interface Panel {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A line and a label for each tick of the vertical axis. */
export const horizontalLines = ({ left, top, width, height }: Panel, { ticks, at }: Axis): string[] =>
  ticks.map((tick) => {
    const y = top + height - at(tick) * height;
    const label = text(left - 8, y + 4, String(tick), 'text-anchor="end"');
    return `<path d="M${left} ${y.toFixed(1)}h${width}" stroke="#ddd"/>${label}`;
  });

/** The axes' lines. */
export const panelFrame = ({ left, top, width, height }: Panel): string =>
  `<path d="M${left} ${top}v${height}h${width}" fill="none" stroke="#333"/>`;

/** A picture on white with a title above. */
export function plot(title: string, { left, width, height }: Omit<Panel, 'top'>, content: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="#333">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(left, 20, title, 'font-size="15" font-weight="bold"'),
    ...content,
    '</svg>\n',
  ].join('\n');
}
