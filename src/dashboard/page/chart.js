/** Line charts by uPlot, in the page's colours, as wide as their place. */
/** @import { Options, AlignedData, Axis, Series } from 'uplot' */
import { element } from './dom.js';
import uPlot from './vendor/uplot.js';

/**
 * @typedef {object} ChartSeries
 * @property {string} label
 * @property {string} color Name of a CSS variable.
 * @property {number[]} [dash]
 * @property {boolean} [hasPoints] Few values: each is shown.
 * @property {boolean} [isStepped] A value stays until the next.
 *
 * @typedef {object} ChartOptions
 * @property {string} label For those who cannot see it; the latest values follow.
 * @property {readonly ChartSeries[]} series
 * @property {(value: number) => string} formatX
 * @property {(value: number) => string} formatY
 * @property {(value: number) => string} [formatAxis] Of the y axis, shorter. Default: as `formatY`.
 * @property {boolean} [isLogarithmic]
 * @property {number} [height]
 * @property {() => readonly number[]} [marks] X values with a vertical line.
 *
 * @typedef {readonly { readonly xs: readonly number[], readonly ys: readonly number[] }[]} Tracks One for each series, each by rising x.
 *
 * @typedef {object} Chart
 * @property {HTMLElement} root
 * @property {(tracks: Tracks) => void} draw
 * @property {() => void} dispose
 */

/** @param {string} name */
export const cssColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** @param {(value: number) => string} format @param {number} size @returns {Axis} */
export function axis(format, size) {
  const grid = { stroke: cssColor('--grid'), width: 1 };
  return {
    stroke: cssColor('--quiet'),
    grid,
    ticks: { show: false },
    size,
    gap: 6,
    font: '12px ui-sans-serif, system-ui, sans-serif',
    values: (_chart, splits) => splits.map((value) => (value === null ? '' : format(value))),
  };
}

/** @param {ChartSeries} series @param {(value: number) => string} format @returns {Series} */
function lineOf({ label, color, dash, hasPoints = false, isStepped = false }, format) {
  const stroke = cssColor(color);
  return {
    label,
    stroke,
    width: 2,
    spanGaps: true,
    points: { show: hasPoints, size: 6, fill: stroke },
    ...(dash ? { dash } : {}),
    ...(isStepped && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
    // Without a pointer over it the legend names the lines and no more.
    value: (_chart, value) => (value === null || value === undefined ? '' : format(value)),
  };
}

/** @param {uPlot} chart @param {readonly number[]} marks */
function drawMarks(chart, marks) {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.strokeStyle = cssColor('--mark');
  ctx.setLineDash([3, 4]);
  ctx.lineWidth = devicePixelRatio;
  for (const mark of marks) {
    const x = Math.round(chart.valToPos(mark, 'x', true));
    if (x <= bbox.left || x >= bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

/** Lines with few values have none at most moments: the nearest one is shown. @param {uPlot} chart @param {number} line @param {number} hovered */
function nearest(chart, line, hovered) {
  const values = chart.data[line];
  if (!values || line === 0) return hovered;
  for (let away = 0; away < values.length; away++) {
    for (const i of [hovered - away, hovered + away]) if (values[i] !== null && values[i] !== undefined) return i;
  }
  return hovered;
}

/** Seconds between labels: whole ones, and what clocks show. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/** One point, or equal ones, still need a range. @param {number} low @param {number} high @returns {[number, number]} */
function padded(low, high) {
  const margin = (high - low || Math.abs(high) || 1) * 0.08;
  return [low - margin, high + margin];
}

/** @param {ChartOptions} options @param {number} width @returns {Options} */
function plotOptions(
  { series, formatX, formatY, formatAxis = formatY, isLogarithmic = false, height = 220, marks },
  width,
) {
  /** @type {Options['scales']} */
  const scales = {
    x: { time: false },
    y: isLogarithmic
      ? { distr: 3 }
      : { range: (_chart, low, high) => (low === null || high === null ? [0, 1] : padded(low, high)) },
  };
  return {
    width,
    height,
    scales,
    padding: [10, 12, 0, 0],
    cursor: { drag: { x: false, y: false }, points: { size: 8 }, dataIdx: nearest },
    series: [
      { label: 'time', value: (_chart, value) => (value === null || value === undefined ? '' : formatX(value)) },
      ...series.map((line) => lineOf(line, formatY)),
    ],
    axes: [{ ...axis(formatX, 30), incrs: TIME_STEPS, space: 60 }, axis(formatAxis, 52)],
    ...(marks ? { hooks: { drawClear: [(chart) => drawMarks(chart, marks())] } } : {}),
  };
}

/** @param {Tracks} tracks @returns {AlignedData} */
function aligned(tracks) {
  return uPlot.join(tracks.map(({ xs, ys }) => /** @type {AlignedData} */ ([[...xs], [...ys]])));
}

/** @param {ChartOptions} options @param {Tracks} tracks */
function spoken({ label, series, formatY }, tracks) {
  const parts = series.flatMap((entry, i) => {
    const last = tracks[i]?.ys.at(-1);
    return last === undefined ? [] : [`${entry.label} ${formatY(last)}`];
  });
  return `${label}: ${parts.length > 0 ? parts.join(', ') : 'nothing yet'}`;
}

/**
 * What is common to all charts: as wide as their place, drawn anew when the colours change.
 *
 * @param {(width: number) => { chart: uPlot }} build
 * @returns {{ root: HTMLElement, rebuild: () => void, chart: () => uPlot | undefined, dispose: () => void }}
 */
export function keepFitting(build) {
  const root = element('div', { class: 'chart', role: 'img' });
  /** @type {uPlot | undefined} */
  let chart;
  const rebuild = () => {
    if (root.clientWidth === 0) return;
    chart?.destroy();
    chart = build(root.clientWidth).chart;
    root.replaceChildren(chart.root);
  };
  const observer = new ResizeObserver(() => {
    if (!chart) rebuild();
    else if (root.clientWidth > 0) chart.setSize({ width: root.clientWidth, height: chart.height });
  });
  observer.observe(root);
  const scheme = matchMedia('(prefers-color-scheme: light)');
  scheme.addEventListener('change', rebuild);
  return {
    root,
    rebuild,
    chart: () => chart,
    dispose() {
      observer.disconnect();
      scheme.removeEventListener('change', rebuild);
      chart?.destroy();
    },
  };
}

/** @param {ChartOptions} options @returns {Chart} */
export function createChart(options) {
  /** @type {Tracks} */
  let tracks = options.series.map(() => ({ xs: [], ys: [] }));
  const fitting = keepFitting((width) => ({ chart: new uPlot(plotOptions(options, width), aligned(tracks)) }));
  const describe = () => {
    fitting.root.ariaLabel = spoken(options, tracks);
    fitting.root.toggleAttribute(
      'data-empty',
      tracks.every(({ xs }) => xs.length === 0),
    );
  };
  describe();
  return {
    root: fitting.root,
    draw(next) {
      tracks = next;
      describe();
      fitting.chart()?.setData(aligned(tracks));
    },
    dispose: fitting.dispose,
  };
}
