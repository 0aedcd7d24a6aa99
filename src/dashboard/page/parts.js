/** Small pieces that several views show. */
/** @import { Job } from '../api-types.ts' */
/** @import { Child } from './dom.js' */
import { element, setText } from './dom.js';
import { capital, duration, milliseconds } from './format.js';

const TYPE_VERBS = { compress: 'Compress', finetune: 'Fine-tune', train: 'Train' };

/** @param {Pick<Job, 'type' | 'request'>} job */
export const jobTitle = ({ type, request }) => `${TYPE_VERBS[type]} ${request.model}`;

/** @param {string} id */
export const jobAddress = (id) => `#/jobs/${encodeURIComponent(id)}`;

/** @param {Job['request']['target']} target */
export function targetText(target) {
  if (!target) return '';
  if ('ratio' in target) return `${target.ratio}× its latency`;
  if ('macs' in target) return `${(target.macs / 1e9).toFixed(1)} GMAC`;
  return `${milliseconds(target.latencyMs)} for ${target.width ?? 256} × ${target.height ?? 256}`;
}

/** What a job's state is called; a refused model is no failure of the job. @param {Job} job @returns {{ kind: string, text: string }} */
export function stateOf({ state, result, queuePosition }) {
  if (state === 'succeeded' && result?.verdict === 'refused') return { kind: 'refused', text: 'Refused' };
  if (state === 'queued' && queuePosition !== null)
    return { kind: state, text: queuePosition === 0 ? 'Next' : `Waits, ${queuePosition} before` };
  return { kind: state, text: capital(state) };
}

/** @param {string} kind @param {string} text */
export const badge = (kind, text) => element('span', { class: `badge ${kind}` }, text);

/** @param {HTMLElement} place @param {Job} job */
export function setBadge(place, job) {
  const { kind, text } = stateOf(job);
  place.className = `badge ${kind}`;
  setText(place, text);
}

/** @param {string} title @param {...Child} rest */
export function pageHead(title, ...rest) {
  return element('div', { class: 'head' }, element('h1', {}, title), ...rest);
}

/** @param {{ title: string, class?: string, aside?: Child }} options @param {...Child} children */
export function panel({ title, class: className = '', aside }, ...children) {
  const heading = element('div', { class: 'panel-head' }, element('h2', {}, title), aside);
  return element('section', { class: `panel ${className}`.trim() }, heading, ...children);
}

/** A number with its name. @param {string} label @returns {{ root: HTMLElement, set: (value: string, note?: string) => void }} */
export function figure(label) {
  const value = element('dd', {}, '–');
  const note = element('dd', { class: 'note' });
  const root = element('div', { class: 'figure' }, element('dt', {}, label), value, note);
  return {
    root,
    set(text, more = '') {
      setText(value, text);
      setText(note, more);
    },
  };
}

/** @returns {{ root: HTMLElement, update: (job: Job) => void }} */
export function progressBar() {
  const bar = element('progress', { max: 1, value: 0, 'aria-label': 'Progress of the job' });
  const left = element('span', { class: 'share' });
  const right = element('span', { class: 'quiet' });
  return {
    root: element('div', { class: 'progress' }, bar, element('p', {}, left, right)),
    update({ progress, state }) {
      bar.value = progress.ratio;
      setText(left, `${Math.floor(progress.ratio * 100)} %`);
      const isMoving = state === 'running' && progress.etaSeconds !== null;
      setText(right, isMoving ? `about ${duration(progress.etaSeconds)} left` : '');
    },
  };
}

/** Radio buttons in a row. @param {{ name: string, legend: string, choices: readonly { value: string, text: string }[], value: string, onChange?: (value: string) => void }} options */
export function segments({ name, legend, choices, value, onChange }) {
  const labels = choices.map((choice) => {
    const input = element('input', { type: 'radio', name, value: choice.value, checked: choice.value === value });
    input.addEventListener('change', () => onChange?.(choice.value));
    return element('label', {}, input, element('span', {}, choice.text));
  });
  return element(
    'fieldset',
    { class: 'field' },
    element('legend', {}, legend),
    element('div', { class: 'segments' }, ...labels),
  );
}

/** @param {string} text @param {...Child} rest */
export const empty = (text, ...rest) => element('div', { class: 'empty' }, element('p', {}, text), ...rest);

/** The first cell of each row names it; on a narrow screen the heads stand before their numbers. @param {readonly string[]} head @param {readonly (readonly string[])[]} rows */
export function numberTable(head, rows) {
  const heads = head.map((text) => element('th', { scope: 'col' }, text));
  const body = rows.map(([name, ...cells]) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, name),
      ...cells.map((text, i) => element('td', { 'data-label': head[i + 1] }, text)),
    ),
  );
  return element(
    'table',
    { class: 'numbers stacks' },
    element('thead', {}, element('tr', {}, ...heads)),
    element('tbody', {}, ...body),
  );
}
