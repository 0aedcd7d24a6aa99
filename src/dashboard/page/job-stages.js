/** The stages of a job in their order, with the time each took. */
/** @import { Job } from '../api-types.ts' */
import { element, setText, syncChildren } from './dom.js';
import { capital, duration } from './format.js';

/** @typedef {Job['progress']['stages'][number]} Stage */

const STATE_TEXTS = { waiting: 'waits', running: 'runs', done: 'done' };

/** @param {string} name */
export const stageName = (name) => capital(name.replaceAll('-', ' '));

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
export function stageList() {
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
