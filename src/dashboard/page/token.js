/** The admin token: asked for when the API wants it, kept for this tab only, never part of an address. */
import { byId, setText } from './dom.js';

const KEY = 'dualscale-token';

/**
 * @typedef {object} TokenKeeper
 * @property {() => string | null} current
 * @property {(refused: string | null) => Promise<string>} ask Resolves with another token than the refused one; all who wait get the same.
 * @property {() => void} forget
 */

/** @returns {TokenKeeper} */
export function createTokenKeeper() {
  const dialog = byId('token-dialog', HTMLDialogElement);
  const field = byId('token-field', HTMLInputElement);
  const message = byId('token-message', HTMLElement);
  /** @type {((token: string) => void)[]} */
  let waiting = [];

  byId('token-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const token = field.value.trim();
    if (token === '') return;
    sessionStorage.setItem(KEY, token);
    field.value = '';
    dialog.close();
    const answered = waiting;
    waiting = [];
    for (const answer of answered) answer(token);
  });
  // Without a token there is nothing to show: Escape leads nowhere.
  dialog.addEventListener('cancel', (event) => event.preventDefault());

  const current = () => sessionStorage.getItem(KEY);
  return {
    current,
    ask(refused) {
      const known = current();
      if (known !== null && known !== refused) return Promise.resolve(known);
      sessionStorage.removeItem(KEY);
      setText(message, refused === null ? '' : 'The server did not accept that token.');
      if (!dialog.open) dialog.showModal();
      return new Promise((resolve) => waiting.push(resolve));
    },
    forget: () => sessionStorage.removeItem(KEY),
  };
}
