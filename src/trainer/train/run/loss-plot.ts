/** A run's log as an SVG picture: losses above, PSNR on held-out photographs below, over the steps. */
import type { RunRecord, StepsRecord } from './run-log.ts';

type Point = readonly [step: number, value: number];

interface Series {
  readonly name: string;
  readonly color: string;
  readonly points: readonly Point[];
}

interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  /** Position between 0 (low) and 1 (high). */
  readonly at: (value: number) => number;
}

const WIDTH = 860;
const LEFT = 72;
const RIGHT = 24;
const INNER = WIDTH - LEFT - RIGHT;
const PANEL = 220;
const TOPS = [48, 328] as const;
const HEIGHT = 612;
/** More points than pixels only make the file large. */
const MAX_POINTS = 400;

/** 1, 2 or 5 times a power of ten, at least `rough`. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
}

export function linearAxis(low: number, high: number, wanted: number): Axis {
  const step = niceStep(Math.max(high - low, 1e-6) / wanted);
  const [first, last] = [Math.floor(low / step), Math.max(Math.ceil(high / step), Math.floor(low / step) + 1)];
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  const [from, to] = [ticks[0], ticks[ticks.length - 1]];
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
  const [from, to] = [used[0], used[used.length - 1]];
  return { low: from, high: to, ticks: used, at: (value) => Math.log(value / from) / Math.log(to / from) };
}

/** Means over equal runs of records. */
function thin(points: readonly Point[]): Point[] {
  const size = Math.ceil(points.length / MAX_POINTS);
  const thinned: Point[] = [];
  for (let i = 0; i < points.length; i += size) {
    const part = points.slice(i, i + size);
    thinned.push([part[part.length - 1][0], part.reduce((sum, [, value]) => sum + value, 0) / part.length]);
  }
  return thinned;
}

const text = (x: number, y: number, content: string, attributes = '') =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${content.replace(/&/g, '&amp;').replace(/</g, '&lt;')}</text>`;

function drawPanel(top: number, title: string, steps: Axis, values: Axis, series: readonly Series[]): string {
  const x = (step: number) => LEFT + steps.at(step) * INNER;
  const y = (value: number) => top + PANEL - values.at(value) * PANEL;
  const grid = values.ticks.map(
    (tick) =>
      `<path d="M${LEFT} ${y(tick).toFixed(1)}h${INNER}" stroke="#ddd"/>${text(LEFT - 8, y(tick) + 4, String(tick), 'text-anchor="end"')}`,
  );
  const marks = steps.ticks.map(
    (tick) =>
      `<path d="M${x(tick).toFixed(1)} ${top + PANEL}v5" stroke="#333"/>${text(x(tick), top + PANEL + 20, tick.toLocaleString('en'), 'text-anchor="middle"')}`,
  );
  const lines = series.map(({ color, points }) => {
    const d = points.map(([step, value]) => `${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join('L');
    const dots = points.length > 60 ? '' : points.map(([s, v]) => dot(x(s), y(v), color)).join('');
    return d ? `<path d="M${d}" fill="none" stroke="${color}" stroke-width="1.5"/>${dots}` : '';
  });
  // The title says what a single line is.
  const named = series.length > 1 ? series : [];
  const legend = named.map(({ name, color }, i) =>
    text(LEFT + INNER - 8, top + 18 + 18 * i, name, `text-anchor="end" fill="${color}"`),
  );
  const frame = `<path d="M${LEFT} ${top}v${PANEL}h${INNER}" fill="none" stroke="#333"/>`;
  return [...grid, ...marks, frame, ...lines, ...legend, text(LEFT, top - 10, title, 'font-weight="bold"')].join('\n');
}

const dot = (x: number, y: number, color: string) =>
  `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="2.5" fill="${color}"/>`;

function lossSeries(records: readonly RunRecord[]): Series[] {
  const steps = records.filter((record): record is StepsRecord => record.type === 'steps');
  const points = (pick: (record: StepsRecord) => number) =>
    thin(steps.map((record) => [record.step, pick(record)] as const).filter(([, loss]) => loss > 0));
  return [
    { name: 'primal loss (L1)', color: '#0b62a4', points: points(({ primalLoss }) => primalLoss) },
    { name: 'dual loss (L1, unweighted)', color: '#c1440e', points: points(({ dualLoss }) => dualLoss) },
    ...(steps.some(({ codeLoss }) => codeLoss !== undefined)
      ? [{ name: 'error of the estimated code', color: '#6a3d9a', points: points(({ codeLoss = 0 }) => codeLoss) }]
      : []),
  ];
}

function extent(series: readonly Series[], empty: readonly [number, number]): readonly [number, number] {
  const values = series.flatMap(({ points }) => points.map(([, value]) => value));
  return values.length === 0 ? empty : [Math.min(...values), Math.max(...values)];
}

/** @param title stands above the picture, e.g. the id of the model. */
export function drawLossPlot(title: string, records: readonly RunRecord[]): string {
  const losses = lossSeries(records);
  const validated = records.flatMap((record): Point[] =>
    record.type === 'validation' && record.psnrDb !== null ? [[record.step, record.psnrDb]] : [],
  );
  const quality = [{ name: 'PSNR', color: '#2e7d32', points: validated }];
  const steps = linearAxis(0, Math.max(1, ...records.slice(-2).map(({ step }) => step)), 7);
  const panels = [
    drawPanel(TOPS[0], 'Training loss (log scale)', steps, logAxis(...extent(losses, [0.01, 0.1])), losses),
    drawPanel(
      TOPS[1],
      'PSNR of the averaged weights on held-out photographs, dB',
      steps,
      linearAxis(...extent(quality, [20, 30]), 5),
      quality,
    ),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(LEFT, 20, title, 'font-size="15" font-weight="bold"'),
    ...panels,
    text(LEFT + INNER / 2, HEIGHT - 14, 'steps', 'text-anchor="middle"'),
    '</svg>\n',
  ].join('\n');
}
