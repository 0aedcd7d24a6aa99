/** What serves, how fast, and what is being worked on. */
/** @import { Status } from '../../api-types.ts' */
/** @import { App, View } from '../main.js' */
import { createChart } from '../chart.js';
import { element, fill, syncChildren } from '../dom.js';
import { byteCount, clock, counted, large, milliseconds, plain } from '../format.js';
import { empty, figure, numberTable, pageHead, panel } from '../parts.js';
import { jobRow } from './jobs.js';

const MAX_POINTS = 720;
/** Kept while the page is open, whichever view is shown. */
const history = {
  since: 0,
  xs: /** @type {number[]} */ ([]),
  p50: /** @type {number[]} */ ([]),
  p95: /** @type {number[]} */ ([]),
};

/** @param {Status} status */
function remember({ time, serving }) {
  const now = Date.parse(time);
  history.since ||= now;
  const x = (now - history.since) / 1000;
  const last = history.xs.at(-1);
  if ((last !== undefined && x <= last) || serving.p50Ms === null || serving.p95Ms === null) return;
  history.xs.push(x);
  history.p50.push(serving.p50Ms);
  history.p95.push(serving.p95Ms);
  if (history.xs.length <= MAX_POINTS) return;
  for (const values of [history.xs, history.p50, history.p95]) values.shift();
}

/** Which errors there were, and their share. @param {Status['serving']} serving */
function errorsText({ requests, errors, failed, busy, rejected }) {
  if (errors === 0) return '';
  const kinds = [`${failed} failed`, `${busy} busy`, `${rejected} rejected`].filter((text) => !text.startsWith('0 '));
  return `${((100 * errors) / requests).toFixed(1)} %: ${kinds.join(', ')}`;
}

/** The work of each model alone, which the cache, the queue and refusals are no part of. @param {Status['serving']} serving */
function perModel({ byModel }) {
  const rows = byModel.map(({ modelId, requests, errors, p50Ms, p95Ms }) => [
    ...[modelId, large(requests), String(errors), milliseconds(p50Ms), milliseconds(p95Ms)],
  ]);
  const head = ['Model', 'Enlargements', 'Failed', 'Median of the work', '95th percentile'];
  return numberTable(head, rows);
}

/** @param {App['store']} store */
function requestsPanel(store) {
  const figures = {
    requests: figure('Requests'),
    errors: figure('Errors'),
    p50: figure('Median'),
    p95: figure('95th percentile'),
    disk: figure('Free disk'),
  };
  const chart = createChart({
    label: 'Time to an enlarged picture, made or cached, ms',
    series: [
      { label: 'median', color: '--line-2' },
      { label: '95th percentile', color: '--line-1' },
    ],
    formatX: clock,
    formatY: milliseconds,
    formatAxis: plain,
    height: 190,
  });
  const models = element('div');
  const quiet = empty('No enlarged picture was sent in this time.');
  const root = panel(
    { title: 'Requests', class: 'wide' },
    element('dl', { class: 'figures' }, ...Object.values(figures).map((entry) => entry.root)),
    ...[quiet, chart.root, models],
  );
  const update = () => {
    const status = store.status();
    if (!status) return;
    remember(status);
    const { serving } = status;
    const windowText = `last ${serving.windowSeconds >= 60 ? counted(Math.round(serving.windowSeconds / 60), 'minute') : counted(serving.windowSeconds, 'second')}`;
    figures.requests.set(large(serving.requests), windowText);
    figures.errors.set(large(serving.errors), errorsText(serving));
    figures.p50.set(milliseconds(serving.p50Ms), 'request to picture');
    figures.p95.set(milliseconds(serving.p95Ms), 'request to picture');
    figures.disk.set(byteCount(status.freeBytes));
    quiet.hidden = history.xs.length > 0;
    chart.root.hidden = history.xs.length === 0;
    chart.draw([history.p50, history.p95].map((ys) => ({ xs: history.xs, ys })));
    fill(models, serving.byModel.length > 0 && perModel(serving));
  };
  return { root, update, dispose: chart.dispose };
}

/** @param {App['store']} store */
function servicePanel(store) {
  const list = element('ul', { class: 'rows' });
  const aside = element('a', { href: '#/models' }, 'All models');
  const root = panel({ title: 'In service', class: 'small', aside }, list);
  const update = () => {
    const models = store.models()?.models.filter(({ active }) => active) ?? [];
    const rows = [...models]
      .sort((a, b) => a.scale - b.scale)
      .map(({ id, scale, measured, macs }) => {
        const speed = measured
          ? `${milliseconds(measured.latency.medianMs)} for ${measured.latency.width} × ${measured.latency.height}`
          : `${large(macs)}MAC for 1280 × 720`;
        return element(
          'li',
          { class: 'serving' },
          element('span', { class: 'scale' }, `${scale}×`),
          element('div', {}, element('strong', {}, id), element('p', { class: 'quiet' }, speed)),
        );
      });
    fill(list, ...rows);
  };
  return { root, update };
}

/** @param {App['store']} store */
function workPanel(store) {
  const list = element('ul', { class: 'rows' });
  const nothing = empty('Nothing is being worked on.');
  const aside = element('a', { href: '#/jobs' }, 'All jobs');
  const known = new Map();
  const root = panel({ title: 'Jobs', class: 'large', aside }, nothing, list);
  const update = () => {
    const jobs = store.jobs();
    const open = jobs.filter(({ finishedAt }) => finishedAt === null);
    const shown = [...open, ...jobs.filter((job) => !open.includes(job))].slice(0, 4);
    nothing.hidden = shown.length > 0;
    list.hidden = shown.length === 0;
    syncChildren(list, shown, ({ id }) => id, jobRow, known);
  };
  return { root, update };
}

/** @param {App} app @returns {View} */
export function createOverview({ store }) {
  const requests = requestsPanel(store);
  const service = servicePanel(store);
  const work = workPanel(store);
  const head = pageHead('Overview', element('a', { class: 'button main', href: '#/jobs/new' }, 'Make a model faster'));
  const root = element('div', {}, head, element('div', { class: 'grid' }, service.root, work.root, requests.root));
  for (const part of [requests, service, work]) part.update();
  const stop = store.changes.add((what) => {
    if (what === 'status') requests.update();
    if (what === 'models') service.update();
    if (what === 'jobs') work.update();
  });
  return {
    title: 'Overview',
    root,
    dispose() {
      stop();
      requests.dispose();
    },
  };
}
