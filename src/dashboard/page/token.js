/** The admin token: asked for when the API wants it, or brought by the address that a terminal printed; kept for this tab only. */
import { byId, setText } from './dom.js';

const KEY = 'dualscale-token';

/**
 * @typedef {object} TokenKeeper
 * @property {() => string | null} current
 * @property {(refused: string | null) => Promise<string>} ask Resolves with another token than the refused one; all who wait get the same.
 * @property {() => void} forget
 */

/** Takes the token out of the address, where a reader over the shoulder, a bookmark or the history would find it. */
function takeFromAddress() {
  const found = /^#token=([^&]+)$/.exec(location.hash);
  if (!found) return null;
  history.replaceState(null, '', location.pathname + location.search);
  return found[1] ?? null;
}

/** One request tries a token for all who wait: a server takes only so many wrong ones. @param {string} token */
async function isRight(token) {
  const path = document.querySelector('meta[name="dualscale-api"]')?.getAttribute('content') ?? 'api/';
  const address = new URL(`${path}status`, document.baseURI);
  const headers = { Authorization: `Bearer ${token}` };
  const { status } = await fetch(address, { cache: 'no-store', credentials: 'omit', headers });
  // 429: wrong as well, and not the first.
  return status !== 401 && status !== 429;
}

/** @returns {TokenKeeper} */
export function createTokenKeeper() {
  const dialog = byId('token-dialog', HTMLDialogElement);
  const field = byId('token-field', HTMLInputElement);
  const message = byId('token-message', HTMLElement);
  let isTrying = false;
  /** @type {((token: string) => void)[]} */
  let waiting = [];

  const accept = (/** @type {string} */ token) => {
    sessionStorage.setItem(KEY, token);
    dialog.close();
    const answered = waiting;
    waiting = [];
    for (const answer of answered) answer(token);
  };

  const tryToken = async (/** @type {string} */ token) => {
    if (isTrying) return;
    isTrying = true;
    setText(message, '');
    try {
      const isTaken = await isRight(token);
      field.value = '';
      if (isTaken) accept(token);
      else setText(message, 'The server did not accept that token.');
    } catch {
      setText(message, 'The server cannot be reached.');
    }
    isTrying = false;
  };

  byId('token-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const token = field.value.trim();
    if (token !== '') void tryToken(token);
  });
  // Without a token there is nothing to show: Escape leads nowhere.
  dialog.addEventListener('cancel', (event) => event.preventDefault());

  const brought = takeFromAddress();
  if (brought !== null) sessionStorage.setItem(KEY, brought);
  // The printed address, opened in a tab where the page is already.
  addEventListener('hashchange', () => {
    const token = takeFromAddress();
    if (token !== null) void tryToken(token);
  });

  const current = () => sessionStorage.getItem(KEY);
  return {
    current,
    ask(refused) {
      const known = current();
      if (known !== null && known !== refused) return Promise.resolve(known);
      sessionStorage.removeItem(KEY);
      if (!dialog.open) {
        setText(message, refused === null ? '' : 'The server did not accept that token.');
        dialog.showModal();
      }
      return new Promise((resolve) => waiting.push(resolve));
    },
    forget: () => sessionStorage.removeItem(KEY),
  };
}
