/** One job: where it stands, its curves, its log, its result. */
/** @import { Job } from '../../api-types.ts' */
/** @import { JobReport } from '../../../jobs/rollout/evaluation.ts' */
/** @import { App, View } from '../main.js' */
import { attempt, confirmed, notify } from '../announce.js';
import { messageOf } from '../api.js';
import { createCurves } from '../curves.js';
import { element, fill, setText } from '../dom.js';
import { jobCharts } from '../job-charts.js';
import { followJob } from '../job-events.js';
import { aboutJob, jobHead } from '../job-head.js';
import { jobLog } from '../job-log.js';
import { resultPanel } from '../job-result.js';
import { empty, jobTitle, pageHead, setBadge } from '../parts.js';

/** @param {App} app @param {Job} job */
function resultActions({ api, store }, job) {
  const id = job.result?.modelId;
  const model = store.models()?.models.find((entry) => entry.id === id);
  if (!id || !model) return null;
  const activate = element('button', { type: 'button', class: 'main' }, 'Put into service');
  activate.addEventListener('click', () =>
    attempt(activate, async () => {
      store.putModels(await api.post(`models/${id}/activate`));
      notify(`${id} now serves ${model.scale}×.`);
    }),
  );
  const isKnown = store.models()?.models.some((entry) => entry.id === job.request.model);
  const other = isKnown && job.request.model !== id ? `&left=${job.request.model}` : '';
  const compare = element('a', { class: 'button', href: `#/compare?right=${id}${other}` }, 'Compare pictures');
  return element('div', { class: 'actions' }, !model.active && activate, compare);
}

/** The result, with the report once it is there; anew only when it differs, so that its buttons keep the focus. @param {App} app */
function resultPlace(app) {
  const root = element('div', { class: 'wide contents' });
  let shown = '';
  let isAsked = false;
  /** @type {JobReport | undefined} */
  let report;
  /** @param {Job} job */
  const update = (job) => {
    if (!job.result) return;
    if (!isAsked) {
      isAsked = true;
      app.api.get(`jobs/${job.id}/report`).then(
        (got) => {
          report = got;
          update(job);
        },
        (error) => notify(messageOf(error), 'failed'),
      );
    }
    const model = app.store.models()?.models.find(({ id }) => id === job.result?.modelId);
    const key = `${report !== undefined} ${model?.active}`;
    if (key === shown) return;
    shown = key;
    fill(root, resultPanel(job, report, resultActions(app, job)));
  };
  return { root, update };
}

/** @param {App} app @param {string} id */
function cancelButton({ api, store }, id) {
  const button = element('button', { type: 'button' }, 'Cancel job');
  button.addEventListener('click', () =>
    attempt(button, async () => {
      if (!(await confirmed('Cancel this job?', 'It stops at once and its files are removed.', 'Cancel job'))) return;
      store.putJob(await api.post(`jobs/${id}/cancel`));
    }),
  );
  return button;
}

/** @param {App} app @param {Job} first */
function createJobPage(app, first) {
  const { api, live, store } = app;
  const { id } = first;
  const current = () => store.job(id) ?? first;
  const curves = createCurves(first.request);
  const state = element('span');
  const about = element('p', { class: 'quiet about' });
  const cancel = cancelButton(app, id);
  const head = jobHead();
  const result = resultPlace(app);
  const charts = jobCharts(() => curves);
  const log = jobLog({ api, id, isOpen: () => current().finishedAt === null });
  const update = () => {
    const job = current();
    setBadge(state, job);
    setText(about, aboutJob(job));
    cancel.hidden = job.finishedAt !== null;
    head.update(job, curves);
    result.update(job);
  };
  const onEvents = () => {
    charts.draw();
    log.update(curves);
    head.update(current(), curves);
  };
  const grid = element('div', { class: 'grid' }, result.root, head.root, ...charts.roots, log.root);
  const root = element('div', {}, pageHead(jobTitle(first), state, cancel), about, grid);
  update();
  const stops = [
    store.changes.add((what) => what !== 'status' && update()),
    followJob({ api, live, id, curves, onChange: onEvents }),
    charts.dispose,
    log.dispose,
  ];
  const dispose = () => {
    for (const stop of stops) stop();
  };
  return { root, dispose };
}

/** @param {App} app @param {string} id @returns {View} */
export function createJobView(app, id) {
  const root = element('div', {}, empty('Looking for the job…'));
  let page = { dispose: () => {} };
  let isGone = false;
  app.store.fetchJob(id).then(
    (job) => {
      if (isGone) return;
      const made = createJobPage(app, job);
      page = made;
      fill(root, made.root);
    },
    (error) => fill(root, pageHead('No such job'), empty(messageOf(error))),
  );
  return {
    title: 'Job',
    root,
    dispose() {
      isGone = true;
      page.dispose();
    },
  };
}
