/** A run's log as an SVG picture: losses above, PSNR on held-out photographs below, over the steps. */
import {
  type Axis,
  dot,
  horizontalLines,
  linearAxis,
  logAxis,
  panelFrame,
  plot,
  text,
} from '../../../core/measure/plot.ts';
import type { RunRecord, StepsRecord } from './run-log.ts';

type Point = readonly [step: number, value: number];

interface Series {
  readonly name: string;
  readonly color: string;
  readonly points: readonly Point[];
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

function drawPanel(top: number, title: string, steps: Axis, values: Axis, series: readonly Series[]): string {
  const panel = { left: LEFT, top, width: INNER, height: PANEL };
  const x = (step: number) => LEFT + steps.at(step) * INNER;
  const y = (value: number) => top + PANEL - values.at(value) * PANEL;
  const marks = steps.ticks.map((tick) => {
    const label = text(x(tick), top + PANEL + 20, tick.toLocaleString('en'), 'text-anchor="middle"');
    return `<path d="M${x(tick).toFixed(1)} ${top + PANEL}v5" stroke="#333"/>${label}`;
  });
  const lines = series.map(({ color, points }) => {
    const d = points.map(([step, value]) => `${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join('L');
    const dots = points.length > 60 ? '' : points.map(([s, v]) => dot(x(s), y(v), 2.5, color)).join('');
    return d ? `<path d="M${d}" fill="none" stroke="${color}" stroke-width="1.5"/>${dots}` : '';
  });
  // The title says what a single line is.
  const named = series.length > 1 ? series : [];
  const legend = named.map(({ name, color }, i) =>
    text(LEFT + INNER - 8, top + 18 + 18 * i, name, `text-anchor="end" fill="${color}"`),
  );
  const heading = text(LEFT, top - 10, title, 'font-weight="bold"');
  return [...horizontalLines(panel, values), ...marks, panelFrame(panel), ...lines, ...legend, heading].join('\n');
}

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
  const below = text(LEFT + INNER / 2, HEIGHT - 14, 'steps', 'text-anchor="middle"');
  return plot(title, { left: LEFT, width: WIDTH, height: HEIGHT }, [...panels, below]);
}
