/** Quality against cost: one dot for each model, the active one marked. */
/** @import { Options } from 'uplot' */
/** @import { Model } from '../api-types.ts' */
/** @import { Measure } from './measures.js' */
import { axis, cssColor, keepFitting } from './chart.js';
import { decibels, large, milliseconds, plain } from './format.js';
import uPlot from './vendor/uplot.js';

/** @typedef {{ model: Model, x: number, y: number }} Dot */

const HEIGHT = 300;
const LINE = 15;

/** @param {Measure} cost @returns {(value: number) => string} */
export const costFormat = (cost) => (cost.key === 'macs' ? large : milliseconds);

/** @param {number} low @param {number} high @param {number} share @returns {[number, number]} */
function around(low, high, share) {
  const margin = (high - low) * share || Math.abs(high) * 0.1 || 1;
  return [low - margin, high + margin];
}

/** Names beside the dots; one that would lie over another moves down. @param {uPlot} chart @param {readonly Dot[]} dots */
function drawNames(chart, dots) {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `${12 * ratio}px ui-sans-serif, system-ui, sans-serif`;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  /** @type {{ left: number, right: number, y: number }[]} */
  const taken = [];
  for (const { model, x, y } of [...dots].sort((a, b) => b.y - a.y)) {
    const width = ctx.measureText(model.id).width;
    const dot = chart.valToPos(x, 'x', true);
    const isRoomRight = dot + width + 12 * ratio < bbox.left + bbox.width;
    const left = isRoomRight ? dot + 10 * ratio : dot - width - 10 * ratio;
    let top = chart.valToPos(y, 'y', true);
    const collides = () =>
      taken.some((other) => left < other.right && other.left < left + width && Math.abs(top - other.y) < LINE * ratio);
    while (collides()) top += LINE * ratio;
    taken.push({ left, right: left + width, y: top });
    ctx.fillStyle = cssColor(model.active ? '--text' : '--quiet');
    ctx.fillText(model.id, left, top);
  }
  ctx.restore();
}

/** @param {{ dots: readonly Dot[], cost: Measure, quality: Measure }} plot @param {number} width @returns {Options} */
function plotOptions({ dots, cost, quality }, width) {
  const isLatency = cost.key !== 'macs';
  const show =
    (/** @type {(value: number) => string} */ text) =>
    (/** @type {uPlot} */ _chart, /** @type {number | null} */ value) =>
      value === null ? '–' : text(value);
  const dotsOf = (/** @type {string} */ label, /** @type {string} */ color, /** @type {number} */ size) => ({
    label,
    paths: () => null,
    stroke: cssColor(color),
    value: show(decibels),
    points: { show: true, size, fill: cssColor(color), width: 0 },
  });
  return {
    width,
    height: HEIGHT,
    padding: [14, 14, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: (_chart, low, high) => around(low ?? 0, high ?? 1, 0.18) },
      y: { range: (_chart, low, high) => around(low ?? 0, high ?? 1, 0.25) },
    },
    series: [{ label: cost.text }, dotsOf('other models', '--line-2', 9), dotsOf('active', '--line-1', 13)],
    axes: [
      {
        ...axis(isLatency ? plain : large, 34),
        label: isLatency ? `${cost.text}, ms` : cost.text,
        labelSize: 22,
        labelFont: '12px ui-sans-serif, system-ui, sans-serif',
      },
      {
        ...axis((value) => value.toFixed(1), 48),
        label: `${quality.text}, dB`,
        labelSize: 22,
        labelFont: '12px ui-sans-serif, system-ui, sans-serif',
      },
    ],
    hooks: { draw: [(chart) => drawNames(chart, dots)] },
  };
}

/** @param {readonly Dot[]} dots @param {boolean} isActive */
const column = (dots, isActive) => dots.map(({ model, y }) => (model.active === isActive ? y : null));

export function createModelPlot() {
  /** @type {{ dots: readonly Dot[], cost: Measure, quality: Measure } | undefined} */
  let plot;
  const fitting = keepFitting((width) => {
    if (!plot) throw new Error('there is nothing to plot');
    const { dots } = plot;
    return {
      chart: new uPlot(plotOptions(plot, width), [dots.map(({ x }) => x), column(dots, false), column(dots, true)]),
    };
  });
  fitting.root.hidden = true;
  return {
    root: fitting.root,
    /** @param {readonly Model[]} models @param {Measure} cost @param {Measure} quality @returns {number} models that can be shown */
    draw(models, cost, quality) {
      const dots = models.flatMap((model) => {
        const x = cost.valueOf(model);
        const y = quality.valueOf(model);
        return x === null || y === null ? [] : [{ model, x, y }];
      });
      plot = { dots: dots.sort((a, b) => a.x - b.x), cost, quality };
      const names = dots.map(
        ({ model, x, y }) => `${model.id}${model.active ? ' (active)' : ''} ${costFormat(cost)(x)}, ${decibels(y)}`,
      );
      fitting.root.ariaLabel = `${quality.text} against ${cost.text}: ${names.join('; ')}`;
      fitting.rebuild();
      return dots.length;
    },
    dispose: fitting.dispose,
  };
}
