/** What happened to a job in words, and what its process printed. */
/** @import { Api } from './api.js' */
/** @import { Curves } from './curves.js' */
import { messageOf } from './api.js';
import { element, setText } from './dom.js';
import { timeOfDay } from './format.js';
import { panel } from './parts.js';

const REFRESH_MS = 4000;

/** @param {{ api: Api, id: string, isOpen: () => boolean }} parts */
export function jobLog({ api, id, isOpen }) {
  const notes = element('ol', { class: 'notes' });
  const text = element('pre', { tabindex: 0, 'aria-label': 'Log' });
  const details = element('details', {}, element('summary', {}, 'Process output'), text);
  const nothing = element('p', { class: 'quiet' }, 'No log entries yet.');
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  const load = async () => {
    const isAtEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 8;
    try {
      const response = await api.request(`jobs/${id}/log`);
      setText(text, (await response.text()) || 'The log is empty.');
    } catch (error) {
      setText(text, messageOf(error));
    }
    if (isAtEnd) text.scrollTop = text.scrollHeight;
    clearTimeout(timer);
    if (details.open && isOpen()) timer = setTimeout(() => void load(), REFRESH_MS);
  };
  details.addEventListener('toggle', () => {
    clearTimeout(timer);
    if (details.open) void load();
  });
  return {
    root: panel({ title: 'Log', class: 'wide' }, nothing, notes, details),
    /** @param {Curves} curves */
    update(curves) {
      nothing.hidden = curves.notes.length > 0;
      for (const { time, text: message, level } of curves.notes.slice(notes.children.length)) {
        const moment = element('time', { datetime: time, class: 'quiet' }, timeOfDay(time));
        notes.append(element('li', { class: level }, moment, element('span', {}, message)));
      }
    },
    dispose: () => clearTimeout(timer),
  };
}
