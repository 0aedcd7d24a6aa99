/** Pictures of a report: the widths before and after, and quality against time. */
import { dot, horizontalLines, linearAxis, panelFrame, plot, text } from '../../../core/measure/plot.ts';

export interface NamedWidth {
  readonly name: string;
  readonly before: number;
  readonly after: number;
}

/** A network as a point. */
export interface TradeOff {
  readonly name: string;
  readonly ms: number;
  readonly psnrDb: number;
}

const WIDTH = 860;
const LEFT = 60;
const TOP = 48;
const PANEL = 260;
const INNER = WIDTH - LEFT - 24;
const BEFORE = '#cfd8dc';
const AFTER = '#0b62a4';

const AXES = { left: LEFT, top: TOP, width: INNER, height: PANEL };

function draw(title: string, below: number, content: readonly string[]): string {
  return plot(title, { left: LEFT, width: WIDTH, height: TOP + PANEL + below }, [...content, panelFrame(AXES)]);
}

/** One bar per layer: what is left of what there was. */
export function drawWidths(title: string, widths: readonly NamedWidth[]): string {
  const channels = linearAxis(0, Math.max(1, ...widths.map(({ before }) => before)), 6);
  const slot = INNER / Math.max(1, widths.length);
  const bar = (index: number, value: number, color: string, share: number) => {
    const height = channels.at(value) * PANEL;
    const x = LEFT + (index + (1 - share) / 2) * slot;
    return `<rect x="${x.toFixed(1)}" y="${(TOP + PANEL - height).toFixed(1)}" width="${(slot * share).toFixed(1)}" height="${height.toFixed(1)}" fill="${color}"/>`;
  };
  const bars = widths.map(({ name, before, after }, i) => {
    const [x, y] = [LEFT + (i + 0.5) * slot + 4, TOP + PANEL + 8];
    const label = text(x, y, name, `text-anchor="end" font-size="9" transform="rotate(-60 ${x.toFixed(1)} ${y})"`);
    return [bar(i, before, BEFORE, 0.8), bar(i, after, AFTER, 0.8), label].join('\n');
  });
  const legend = [
    text(LEFT + INNER, 20, 'channels after', `text-anchor="end" fill="${AFTER}"`),
    text(LEFT + INNER, 36, 'before', 'text-anchor="end" fill="#78909c"'),
  ];
  return draw(title, 100, [...horizontalLines(AXES, channels), ...bars, ...legend]);
}

function extent(values: readonly number[], margin: number): readonly [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const pad = Math.max((high - low) * margin, Math.abs(high) * 0.001);
  return [low - pad, high + pad];
}

/** @param points those that are not numbers are left out. */
export function drawTradeOff(title: string, points: readonly TradeOff[]): string {
  const shown = points.filter(({ ms, psnrDb }) => Number.isFinite(ms) && Number.isFinite(psnrDb));
  if (shown.length === 0) return draw(title, 60, []);
  const [, longest] = extent(
    shown.map(({ ms }) => ms),
    0.1,
  );
  const times = linearAxis(0, longest, 8);
  const [low, high] = extent(
    shown.map(({ psnrDb }) => psnrDb),
    0.2,
  );
  const quality = linearAxis(low, high, 6);
  const x = (ms: number) => LEFT + times.at(ms) * INNER;
  const y = (psnrDb: number) => TOP + PANEL - quality.at(psnrDb) * PANEL;
  const marks = times.ticks.map((tick) => text(x(tick), TOP + PANEL + 18, String(tick), 'text-anchor="middle"'));
  const dots = shown.map(({ name, ms, psnrDb }) => {
    const end = x(ms) > LEFT + INNER / 2;
    const label = text(x(ms) + (end ? -7 : 7), y(psnrDb) + 4, name, end ? 'text-anchor="end"' : '');
    return `${dot(x(ms), y(psnrDb), 4, AFTER)}${label}`;
  });
  const axes = [
    text(LEFT + INNER / 2, TOP + PANEL + 38, 'ms', 'text-anchor="middle"'),
    text(LEFT, TOP - 10, 'PSNR on held-out photographs, dB'),
  ];
  return draw(title, 56, [...horizontalLines(AXES, quality), ...marks, ...dots, ...axes]);
}
