/** The stages of a job in their order, with the time each took. */
/** @import { Job } from '../api-types.ts' */
import { element, setText, syncChildren } from './dom.js';
import { capital, duration } from './format.js';

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
    /** @param {{ stage: Job['progress']['stages'][number], detail: string }} entry */
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

/** @returns {{ root: HTMLElement, update: (job: Job) => void }} */
export function stageList() {
  const root = element('ol', { class: 'stages' });
  const known = new Map();
  return {
    root,
    update({ progress, finishedAt }) {
      const { step, steps } = progress;
      const entries = progress.stages.map((stage, i) => {
        // A job that was stopped stays in a stage that no longer runs.
        const shown =
          finishedAt !== null && stage.state === 'running'
            ? /** @type {const} */ ({ ...stage, state: 'waiting' })
            : stage;
        const isCounted = shown.state === 'running' && steps > 0;
        const detail = isCounted
          ? `${step.toLocaleString()} of ${steps.toLocaleString()}`
          : stage.seconds === null
            ? ''
            : duration(stage.seconds);
        return { stage: shown, detail, key: `${i} ${stage.name}` };
      });
      syncChildren(root, entries, ({ key }) => key, stageRow, known);
    },
  };
}
