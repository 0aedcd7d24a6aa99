/** Joins the parts of the page and shows the view that the address names. */
/** @import { LiveState } from './live.js' */
import { createApi, messageOf } from './api.js';
import { byId, element, fill, setText } from './dom.js';
import { createLive } from './live.js';
import { createStore } from './store.js';
import { createTokenKeeper } from './token.js';
import { createCompareView } from './views/compare.js';
import { createJobView } from './views/job.js';
import { createJobsView } from './views/jobs.js';
import { createModelsView } from './views/models.js';
import { createNewJobView } from './views/new-job.js';
import { createOverview } from './views/overview.js';

/**
 * @typedef {object} App
 * @property {import('./api.js').Api} api
 * @property {import('./live.js').Live} live
 * @property {import('./store.js').Store} store
 *
 * @typedef {object} View
 * @property {string} title
 * @property {HTMLElement} root Its first heading takes the focus.
 * @property {() => void} dispose
 */

const STATE_TEXTS = { connecting: 'Connecting', live: 'Live', offline: 'Not connected' };

/** @param {App} app @param {string} address After the `#/`. @returns {View} */
function viewFor(app, address) {
  const [path = '', query = ''] = address.split('?');
  const [section, id] = path.split('/').map(decodeURIComponent);
  const parameters = new URLSearchParams(query);
  if (section === 'jobs' && id === 'new') return createNewJobView(app, parameters);
  if (section === 'jobs' && id) return createJobView(app, id);
  if (section === 'jobs') return createJobsView(app);
  if (section === 'models') return createModelsView(app, parameters);
  if (section === 'compare') return createCompareView(app, parameters);
  return createOverview(app);
}

/** @param {string} section */
function markPage(section) {
  for (const link of byId('nav', HTMLElement).querySelectorAll('a')) {
    if (link.hash === `#/${section}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

/** @param {App} app */
function showViews(app) {
  const main = byId('view', HTMLElement);
  /** @type {View | undefined} */
  let shown;
  const show = (/** @type {boolean} */ isNavigation) => {
    shown?.dispose();
    const address = location.hash.replace(/^#\/?/, '');
    shown = viewFor(app, address);
    document.title = `${shown.title} · dualscale`;
    markPage(address.split(/[/?]/)[0] ?? '');
    main.replaceChildren(shown.root);
    if (!isNavigation) return;
    scrollTo(0, 0);
    const heading = main.querySelector('h1');
    heading?.setAttribute('tabindex', '-1');
    heading?.focus({ preventScroll: true });
  };
  addEventListener('hashchange', () => show(true));
  // As an address, the skip link would be another page.
  byId('skip', HTMLAnchorElement).addEventListener('click', (event) => {
    event.preventDefault();
    main.focus();
  });
  show(false);
}

/** @param {LiveState} state */
function showConnection(state) {
  const place = byId('connection', HTMLElement);
  place.dataset['state'] = state;
  setText(/** @type {Element} */ (place.lastElementChild), STATE_TEXTS[state]);
}

async function start() {
  const token = createTokenKeeper();
  const path = document.querySelector('meta[name="dualscale-api"]')?.getAttribute('content') ?? 'api/';
  const api = createApi({ base: new URL(path, document.baseURI).href, token });
  const live = createLive(api);
  const store = createStore({ api, live });
  live.onState(showConnection);
  await store.start();
  const status = store.status();
  if (status) setText(byId('about', HTMLElement), `dualscale ${status.version} · ${status.machine}`);
  const signOut = byId('sign-out', HTMLButtonElement);
  signOut.hidden = token.current() === null;
  signOut.addEventListener('click', () => {
    token.forget();
    location.reload();
  });
  showViews({ api, live, store });
}

start().catch((error) => {
  showConnection('offline');
  const again = element('button', { type: 'button', on: { click: () => location.reload() } }, 'Try again');
  fill(
    byId('view', HTMLElement),
    element('p', { class: 'empty' }, `The dashboard could not start. ${messageOf(error)}`),
    again,
  );
});
