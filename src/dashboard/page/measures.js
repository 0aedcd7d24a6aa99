/** By what models can be compared: numbers of different pictures, sizes or machines must not share an axis. */
/** @import { Model } from '../api-types.ts' */
import { counted } from './format.js';

/**
 * @typedef {object} Measure
 * @property {string} key
 * @property {string} text
 * @property {(model: Model) => number | null} valueOf
 */

/** @param {Measure} measure @param {readonly Model[]} models */
const countOf = (measure, models) => models.filter((model) => measure.valueOf(model) !== null).length;

/** Those that say most come first. @param {Measure[]} measures @param {readonly Model[]} models @returns {Measure[]} */
function ranked(measures, models) {
  const unique = [...new Map(measures.map((measure) => [measure.key, measure])).values()];
  return unique.sort((a, b) => countOf(b, models) - countOf(a, models));
}

/** @param {readonly Model[]} models @returns {Measure[]} */
export function costMeasures(models) {
  const here = models.flatMap(({ measured }) => {
    if (!measured) return [];
    const { width, height, threads } = measured.latency;
    const isSame = (/** @type {Model} */ { measured: other }) =>
      other !== null &&
      other.latency.width === width &&
      other.latency.height === height &&
      other.latency.threads === threads;
    return [
      {
        key: `here ${width} ${height} ${threads}`,
        text: `Latency here, ${width} × ${height}, ${counted(threads, 'thread')}`,
        valueOf: (/** @type {Model} */ model) => (isSame(model) ? (model.measured?.latency.medianMs ?? null) : null),
      },
    ];
  });
  const told = models.flatMap(({ latency }) =>
    latency.map(({ device, provider, threads, inputWidth, inputHeight }) => ({
      key: `${device} ${provider} ${threads} ${inputWidth} ${inputHeight}`,
      text: `Latency, ${inputWidth} × ${inputHeight}, ${provider}, ${counted(threads, 'thread')}, ${device}`,
      valueOf: (/** @type {Model} */ model) =>
        model.latency.find(
          (entry) =>
            entry.device === device &&
            entry.provider === provider &&
            entry.threads === threads &&
            entry.inputWidth === inputWidth &&
            entry.inputHeight === inputHeight,
        )?.medianMs ?? null,
    })),
  );
  const macs = {
    key: 'macs',
    text: 'Multiply-accumulates for 1280 × 720',
    valueOf: (/** @type {Model} */ model) => model.macs,
  };
  return [...ranked(here, models), ...ranked(told, models), macs];
}

/** @param {readonly Model[]} models @returns {Measure[]} */
export function qualityMeasures(models) {
  const held = {
    key: 'held-out',
    text: 'PSNR on held-out pictures',
    valueOf: (/** @type {Model} */ { measured }) => measured?.psnrDb ?? null,
  };
  const sets = models.flatMap(({ quality }) =>
    quality.map(({ set }) => ({
      key: `set ${set}`,
      text: `PSNR on ${set}`,
      valueOf: (/** @type {Model} */ model) => model.quality.find((entry) => entry.set === set)?.psnrDb ?? null,
    })),
  );
  const known = countOf(held, models) > 0 ? [held] : [];
  return ranked([...known, ...sets], models);
}

/** The pair under which most models can be shown, latency before operations. @param {readonly Model[]} models */
export function bestPair(models) {
  const costs = costMeasures(models);
  const qualities = qualityMeasures(models);
  let best = { cost: costs[0], quality: qualities[0], count: -1 };
  for (const cost of costs) {
    for (const quality of qualities) {
      const count = models.filter((model) => cost.valueOf(model) !== null && quality.valueOf(model) !== null).length;
      if (count > best.count && !(cost.key === 'macs' && best.count > 1)) best = { cost, quality, count };
    }
  }
  return best;
}
