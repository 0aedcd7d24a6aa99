/** All models of one scale, and what serves. */
/** @import { Activation } from '../../jobs/rollout/activation.ts' */
/** @import { Model, ModelList } from '../api-types.ts' */
/** @import { Api } from './api.js' */
/** @import { Store } from './store.js' */
/** @import { Measure } from './measures.js' */
import { attempt, notify } from './announce.js';
import { element } from './dom.js';
import { counted, dateTime, decibels, large, timeOfDay } from './format.js';
import { costFormat } from './model-plot.js';
import { badge, jobAddress } from './parts.js';

const REASONS = {
  operator: 'by hand',
  job: 'by a job',
  rollback: 'rolled back',
  'automatic-rollback': 'rolled back by itself',
};

/** @param {{ api: Api, store: Store }} app @param {Model} model */
function activateButton({ api, store }, { id, scale }) {
  const button = element('button', { type: 'button', 'aria-label': `Activate ${id}` }, 'Activate');
  button.addEventListener('click', () =>
    attempt(button, async () => {
      store.putModels(await api.post(`models/${id}/activate`));
      notify(`${id} now serves ${scale}×.`);
    }),
  );
  return button;
}

/** @param {{ api: Api, store: Store }} app @param {readonly Model[]} models @param {Measure} cost @param {Measure} quality */
export function modelTable(app, models, cost, quality) {
  const format = costFormat(cost);
  const rows = [...models]
    .sort((a, b) => (cost.valueOf(a) ?? Number.POSITIVE_INFINITY) - (cost.valueOf(b) ?? Number.POSITIVE_INFINITY))
    .map((model) => {
      const x = cost.valueOf(model);
      const y = quality?.valueOf(model) ?? null;
      const origin = model.job ? element('a', { href: jobAddress(model.job) }, 'job') : 'installed';
      const action = model.active ? badge('succeeded', 'active') : activateButton(app, model);
      return element(
        'tr',
        { class: model.active ? 'chosen' : '' },
        element('th', { scope: 'row' }, model.id),
        element('td', { 'data-label': 'PSNR' }, decibels(y)),
        element('td', { 'data-label': 'Cost' }, x === null ? '–' : format(x)),
        element('td', { 'data-label': 'MACs' }, large(model.macs)),
        element('td', { 'data-label': 'Parameters' }, large(model.parameters)),
        element('td', { 'data-label': 'From' }, origin),
        element('td', { class: 'action' }, action),
      );
    });
  const head = ['Model', 'PSNR', cost.key === 'macs' ? 'Cost' : 'Latency', 'MACs', 'Parameters', 'From', ''].map(
    (text) => element('th', { scope: 'col' }, text),
  );
  return element(
    'table',
    { class: 'numbers stacks' },
    element('thead', {}, element('tr', {}, ...head)),
    element('tbody', {}, ...rows),
  );
}

/** @param {{ api: Api, store: Store }} app @param {ModelList} list @param {number} scale */
export function serviceRow({ api, store }, { active, history, watching }, scale) {
  const id = active[scale];
  const latest = history.find((entry) => entry.scale === scale && entry.modelId === id);
  const watch = watching.find((entry) => entry.scale === scale);
  const since = latest ? `since ${dateTime(latest.time)}, ${REASONS[latest.reason]}` : 'since the start';
  const trial =
    watch &&
    `on trial until ${timeOfDay(watch.until)}: ${counted(watch.requests, 'request')}, ${counted(watch.errors, 'error')}`;
  const back = latest?.previousModelId;
  const button = element('button', { type: 'button', 'aria-label': `Roll ${scale}× back to ${back}` }, 'Roll back');
  button.addEventListener('click', () =>
    attempt(button, async () => {
      const next = await api.post(`scales/${scale}/rollback`);
      store.putModels(next);
      notify(`${next.active[scale]} serves ${scale}× again.`);
    }),
  );
  return element(
    'li',
    { class: 'serving' },
    element('span', { class: 'scale' }, `${scale}×`),
    element(
      'div',
      {},
      element('strong', {}, id ?? 'nothing'),
      element('p', { class: 'quiet' }, since),
      trial && element('p', { class: 'trial' }, trial),
    ),
    back ? button : null,
  );
}

/** @param {readonly Activation[]} history */
export function historyList(history) {
  const rows = history
    .slice(0, 20)
    .map(({ time, scale, modelId, previousModelId, reason, detail }) =>
      element(
        'li',
        { class: reason === 'automatic-rollback' ? 'warning' : 'info' },
        element('time', { datetime: time, class: 'quiet' }, dateTime(time)),
        element(
          'span',
          {},
          `${scale}×: ${previousModelId ? `${previousModelId} → ` : ''}${modelId}, ${REASONS[reason]}${detail ? `. ${detail}` : ''}`,
        ),
      ),
    );
  return element('ol', { class: 'notes' }, ...rows);
}
