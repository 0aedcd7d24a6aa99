/** What came of a job: the gate's checks, before and after, and what can be done with the model. */
/** @import { Job } from '../api-types.ts' */
/** @import { JobReport, Evaluation } from '../../jobs/rollout/evaluation.ts' */
/** @import { Child } from './dom.js' */
import { element } from './dom.js';
import { capital, decibels, large, milliseconds, plain } from './format.js';
import { badge, numberTable, panel } from './parts.js';

/** @type {Readonly<Record<string, string>>} */
const CHECK_NAMES = { psnr: 'PSNR', consistency: 'Consistency', latency: 'Latency', macs: 'MACs', runs: 'Runs here' };

/** @param {number | null} value @param {string} unit */
function withUnit(value, unit) {
  if (value === null) return '–';
  return Math.abs(value) < 1e5 ? `${plain(value, 4)} ${unit}`.trim() : `${large(value)}${unit}`;
}

/** @param {JobReport['checks']} checks */
function checkTable(checks) {
  const rows = checks.map(({ name, passed, value, limit, unit, detail }) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, CHECK_NAMES[name] ?? capital(name)),
      element('td', { 'data-label': 'Result' }, badge(passed ? 'succeeded' : 'failed', passed ? 'passed' : 'refused')),
      element('td', { 'data-label': 'Measured' }, withUnit(value, unit)),
      element('td', { 'data-label': 'Bound' }, withUnit(limit, unit)),
      element('td', { class: 'words', 'data-label': 'Meaning' }, detail),
    ),
  );
  const head = ['Check', 'Result', 'Measured', 'Bound', ''].map((text) => element('th', { scope: 'col' }, text));
  return element(
    'table',
    { class: 'numbers stacks' },
    element('thead', {}, element('tr', {}, ...head)),
    element('tbody', {}, ...rows),
  );
}

/** @param {number | null | undefined} before @param {number | null | undefined} after */
function change(before, after) {
  if (!before || after === null || after === undefined) return '';
  const percent = Math.round(100 * (after / before - 1));
  return `${percent > 0 ? '+' : percent < 0 ? '−' : '±'}${Math.abs(percent)} %`;
}

/** @param {number} db */
const signed = (db) => `${db < 0 ? '−' : '+'}${Math.abs(db).toFixed(2)} dB`;

/** @param {Evaluation} candidate @param {Evaluation} active */
function beforeAfter(candidate, active) {
  const rows = /** @type {const} */ ([
    [
      'Latency',
      milliseconds(active.latency.medianMs),
      milliseconds(candidate.latency.medianMs),
      change(active.latency.medianMs, candidate.latency.medianMs),
    ],
    [
      'PSNR',
      decibels(active.psnrDb),
      decibels(candidate.psnrDb),
      candidate.psnrDb !== null && active.psnrDb !== null ? signed(candidate.psnrDb - active.psnrDb) : '',
    ],
    [
      'Parameters',
      large(active.parameters),
      large(candidate.parameters),
      change(active.parameters, candidate.parameters),
    ],
    ['MACs, 1280 × 720', large(active.macs), large(candidate.macs), change(active.macs, candidate.macs)],
  ]);
  return numberTable(['', active.modelId, candidate.modelId, 'Change'], rows);
}

/** @param {Job} job @param {JobReport | undefined} report @param {Child} actions */
export function resultPanel(job, report, actions) {
  const { result } = job;
  if (!result) return null;
  const isRefused = result.verdict === 'refused';
  const text = isRefused
    ? 'The model was refused and is not kept. What serves is as it was.'
    : result.activated
      ? `${result.modelId} was put into service.`
      : `${result.modelId} is stored and waits to be activated.`;
  const table =
    report?.active &&
    report.active.modelId !== report.candidate.modelId &&
    beforeAfter(report.candidate, report.active);
  return panel(
    { title: isRefused ? 'Result: refused' : 'Result', class: 'wide result' },
    element('p', {}, text),
    table,
    checkTable(result.checks),
    actions,
  );
}
