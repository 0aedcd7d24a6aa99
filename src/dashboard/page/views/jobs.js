/** All jobs, latest first. */
/** @import { Job } from '../../api-types.ts' */
/** @import { App, View } from '../main.js' */
import { element, setText, syncChildren } from '../dom.js';
import { dateTime, duration } from '../format.js';
import { empty, jobAddress, jobTitle, pageHead, progressBar, setBadge, targetText } from '../parts.js';

/** @param {Job} job */
function outcome({ state, result, error, startedAt, finishedAt }) {
  const took =
    startedAt && finishedAt ? ` after ${duration((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000)}` : '';
  if (state === 'failed') return error?.message ?? '';
  if (state !== 'succeeded' || !result) return '';
  if (result.verdict === 'refused') return `The model was refused${took}`;
  return `${result.modelId}${result.activated ? ', in service' : ''}${took}`;
}

/** @param {Job} first @returns {{ root: HTMLElement, update: (job: Job) => void }} */
export function jobRow(first) {
  const state = element('span');
  const detail = element('p', { class: 'quiet' });
  const bar = progressBar();
  const middle = element('div', { class: 'job-state' }, bar.root, detail);
  const link = element('a', { href: jobAddress(first.id) }, jobTitle(first));
  const target = targetText(first.request.target);
  const about = [target, dateTime(first.createdAt)].filter(Boolean).join(' · ');
  const root = element(
    'li',
    { class: 'job-row' },
    element('div', { class: 'job-name' }, element('h3', {}, link), element('p', { class: 'quiet' }, about)),
    middle,
    state,
  );
  return {
    root,
    update(job) {
      setBadge(state, job);
      const isActive = job.state === 'running' || job.state === 'paused';
      bar.root.hidden = !isActive;
      bar.update(job);
      setText(detail, outcome(job));
      detail.hidden = detail.textContent === '';
      middle.hidden = bar.root.hidden && detail.hidden;
    },
  };
}

/** @param {App} app @returns {View} */
export function createJobsView({ store }) {
  const list = element('ul', { class: 'rows panel' });
  const start = element('a', { class: 'button main', href: '#/jobs/new' }, 'New job');
  const nothing = empty(
    'No job has run on this server yet.',
    element(
      'p',
      { class: 'quiet' },
      'A job makes a model faster, or fits it to your own photographs, while the server goes on serving.',
    ),
  );
  const root = element('div', {}, pageHead('Jobs', start), nothing, list);
  const known = new Map();
  const update = () => {
    const jobs = store.jobs();
    nothing.hidden = jobs.length > 0;
    list.hidden = jobs.length === 0;
    syncChildren(list, jobs, ({ id }) => id, jobRow, known);
  };
  update();
  return { title: 'Jobs', root, dispose: store.changes.add((what) => what === 'jobs' && update()) };
}
