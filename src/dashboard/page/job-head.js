/** A job's first panel: where it stands, in a bar, numbers and stages. */
/** @import { Job } from '../api-types.ts' */
/** @import { Curves } from './curves.js' */
import { announce } from './announce.js';
import { element, setText, syncChildren } from './dom.js';
import { capital, counted, dateTime, decibels, duration, milliseconds, plain } from './format.js';
import { figure, jobTitle, panel, progressBar, stateOf, targetText } from './parts.js';

/** @typedef {Job['progress']['stages'][number]} Stage */

const STATE_TEXTS = { waiting: 'waits', running: 'runs', done: 'done' };

/** @param {string} name */
const stageName = (name) => capital(name.replaceAll('-', ' '));

function stageRow() {
  const name = element('span', { class: 'name' });
  const note = element('span', { class: 'quiet' });
  const state = element('span', { class: 'unseen' });
  const root = element('li', {}, name, state, note);
  return {
    root,
    /** @param {{ stage: Stage, detail: string }} entry */
    update({ stage, detail }) {
      root.className = stage.state;
      setText(name, stageName(stage.name));
      setText(state, `, ${STATE_TEXTS[stage.state]}`);
      setText(note, detail);
      if (stage.state === 'running') root.setAttribute('aria-current', 'step');
      else root.removeAttribute('aria-current');
    },
  };
}

/** Steps while it runs, then its time; the last stage ends with the job and has none of its own. @param {Stage} stage @param {Job['progress']} progress @param {boolean} isFollowed */
function detailOf({ state, seconds }, { step, steps }, isFollowed) {
  if (state === 'running') return steps > 0 ? `${step.toLocaleString()} of ${steps.toLocaleString()}` : '';
  if (seconds !== null) return duration(seconds);
  return state === 'done' && isFollowed ? 'skipped' : '';
}

/** @returns {{ root: HTMLElement, update: (job: Job) => void }} */
function stageList() {
  const root = element('ol', { class: 'stages' });
  const known = new Map();
  return {
    root,
    update({ progress, finishedAt }) {
      const last = progress.stages.length - 1;
      const entries = progress.stages.map((stage, i) => {
        // A job that was stopped stays in a stage that no longer runs.
        const hasStopped = finishedAt !== null && stage.state === 'running';
        const shown = hasStopped ? /** @type {const} */ ({ ...stage, state: 'waiting' }) : stage;
        return { stage: shown, detail: detailOf(shown, progress, i < last), key: `${i} ${stage.name}` };
      });
      syncChildren(root, entries, ({ key }) => key, stageRow, known);
    },
  };
}

/** @param {Job} job */
export function aboutJob({ request, createdAt, attempts }) {
  const { budget } = request;
  const amount =
    typeof budget === 'string'
      ? `${budget} budget`
      : 'steps' in budget
        ? counted(budget.steps, 'step')
        : counted(budget.minutes, 'minute');
  const target = targetText(request.target);
  const publish = request.publish === 'auto' ? 'goes into service when it passes' : 'waits to be activated';
  const tries = attempts > 1 ? `started ${attempts} times` : '';
  return [target && `target ${target}`, amount, publish, dateTime(createdAt), tries].filter(Boolean).join(' · ');
}

function jobFigures() {
  const all = {
    loss: figure('Loss'),
    psnr: figure('PSNR'),
    before: figure('Latency before'),
    target: figure('Target'),
    predicted: figure('Predicted'),
    measured: figure('Measured'),
    speed: figure('Patches a second'),
  };
  return {
    root: element('dl', { class: 'figures' }, ...Object.values(all).map(({ root }) => root)),
    /** @param {Job} job @param {Curves} curves */
    update({ metrics }, { tracks }) {
      all.loss.set(plain(metrics.loss));
      all.psnr.set(decibels(metrics.psnrDb));
      all.before.set(milliseconds(tracks.original.ys.at(-1)));
      all.target.set(milliseconds(metrics.targetLatencyMs));
      all.predicted.set(milliseconds(metrics.predictedLatencyMs));
      all.measured.set(milliseconds(tracks.measured.ys.at(-1)));
      all.speed.set(plain(metrics.patchesPerSecond));
    },
  };
}

/** Tells screen readers what sighted readers see move: stages, each tenth, the end. @returns {(job: Job) => void} */
function createSpeaker() {
  let last = '';
  return (job) => {
    const { stage, ratio } = job.progress;
    const isRunning = job.state === 'running' && stage !== null;
    const key = isRunning ? `${stage} ${Math.floor(ratio * 10)}` : job.state;
    const isFirst = last === '';
    if (key === last) return;
    last = key;
    if (isFirst) return;
    announce(
      isRunning ? `${stageName(stage)}, ${Math.floor(ratio * 100)} percent` : `${jobTitle(job)}: ${stateOf(job).text}`,
    );
  };
}

/** @returns {{ root: HTMLElement, update: (job: Job, curves: Curves) => void }} */
export function jobHead() {
  const error = element('p', { class: 'notice failed', hidden: true });
  const bar = progressBar();
  const stages = stageList();
  const figures = jobFigures();
  const speak = createSpeaker();
  return {
    root: panel({ title: 'Progress', class: 'wide' }, error, bar.root, figures.root, stages.root),
    update(job, curves) {
      error.hidden = job.error === null;
      setText(error, job.error ? `${job.error.message} (${job.error.code})` : '');
      bar.root.hidden = job.state === 'cancelled' || job.state === 'failed';
      bar.update(job);
      stages.update(job);
      figures.update(job, curves);
      speak(job);
    },
  };
}
