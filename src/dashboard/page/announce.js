/** Telling what happened: shortly on the page, and to screen readers through live regions. */

import { messageOf } from './api.js';
import { byId, element, setText } from './dom.js';

const SHOWN_MS = 7000;

/** For screen readers only. @param {string} text */
export function announce(text) {
  setText(byId('announcer', HTMLElement), text);
}

/** @param {string} text @param {'done' | 'failed'} [kind] */
export function notify(text, kind = 'done') {
  const region = byId(kind === 'failed' ? 'alerts' : 'notices', HTMLElement);
  const close = element('button', { type: 'button', class: 'plain', 'aria-label': 'Dismiss' }, '×');
  const notice = element('p', { class: `notice ${kind}` }, element('span', {}, text), close);
  close.addEventListener('click', () => notice.remove());
  region.append(notice);
  if (kind === 'done') setTimeout(() => notice.remove(), SHOWN_MS);
}

/** Shows what went wrong, if anything does; the button cannot be pressed twice meanwhile. @param {HTMLButtonElement} button @param {() => Promise<void>} action */
export async function attempt(button, action) {
  button.disabled = true;
  try {
    await action();
  } catch (error) {
    notify(messageOf(error), 'failed');
  } finally {
    button.disabled = false;
  }
}

/** Asks before something that cannot be undone. @param {string} question @param {string} detail @param {string} verb @returns {Promise<boolean>} */
export function confirmed(question, detail, verb) {
  const dialog = byId('confirm-dialog', HTMLDialogElement);
  setText(byId('confirm-question', HTMLElement), question);
  setText(byId('confirm-detail', HTMLElement), detail);
  const yes = byId('confirm-yes', HTMLButtonElement);
  const no = byId('confirm-no', HTMLButtonElement);
  setText(yes, verb);
  dialog.showModal();
  no.focus();
  return new Promise((resolve) => {
    const done = new AbortController();
    const { signal } = done;
    yes.addEventListener('click', () => dialog.close('yes'), { signal });
    no.addEventListener('click', () => dialog.close('no'), { signal });
    dialog.addEventListener(
      'close',
      () => {
        done.abort();
        resolve(dialog.returnValue === 'yes');
        dialog.returnValue = '';
      },
      { signal },
    );
  });
}
