/** How the page comes by its token, and how sparingly it tries one: a server takes only so many wrong ones. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Request } from 'playwright-core';
import { beforeEach, describe, expect, test } from 'vitest';
import { NO_CHROMIUM } from './chromium.ts';
import { TOKEN } from './dashboard-server.ts';
import { type FreshPage, useFreshPage } from './fresh-page.ts';

const STALE = 'the-token-of-yesterday';
const TYPO = 'a-token-for-tests-onyl';

let fresh: FreshPage;
let requests: Request[];

const requestsWith = (token: string) =>
  requests
    .filter((request) => request.headers()['authorization'] === `Bearer ${token}`)
    .map((request) => request.url());
const overview = () => fresh.page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
const refusal = () => fresh.page.getByRole('dialog').getByText('The server did not accept that token.').waitFor();
const enter = async (token: string) => {
  await fresh.page.getByRole('dialog').getByLabel('Token').fill(token);
  await fresh.page.keyboard.press('Enter');
};

describe.skipIf(NO_CHROMIUM)(NO_CHROMIUM ?? 'the token of the page', () => {
  fresh = useFreshPage();
  beforeEach(() => {
    requests = [];
    fresh.page.on('request', (request) => requests.push(request));
  });

  test('is taken from an address that a terminal printed, and out of it', async () => {
    await fresh.page.goto(`${fresh.server.page}#token=${TOKEN}`);
    await overview();
    expect(await fresh.page.evaluate('[location.hash, history.length]')).toEqual(['', 2]);
    await fresh.page.reload();
    await overview();
    const asked = await Promise.all(requests.map((request) => request.allHeaders()));
    expect(
      asked.flatMap((headers) => [headers[':path'], headers['referer']]).filter((it) => it?.includes(TOKEN)),
    ).toEqual([]);
  });

  test('of an address opened again in the same tab answers the question for it', async () => {
    await fresh.page.goto(fresh.server.page);
    await fresh.page.getByRole('dialog').waitFor();
    await fresh.page.goto(`${fresh.server.page}#token=${TOKEN}`);
    await overview();
    expect(await fresh.page.evaluate('location.hash')).toBe('');
  });

  test('is tried by one request, however many wait for it', async () => {
    await fresh.page.goto(fresh.server.page);
    await fresh.page.getByRole('dialog').waitFor();
    await enter(TYPO);
    await refusal();
    await sleep(300);
    expect(requestsWith(TYPO)).toHaveLength(1);
    await enter(TOKEN);
    await overview();
  });

  test('is tried by one request when an address brings a wrong one', async () => {
    await fresh.page.goto(`${fresh.server.page}#token=${STALE}`);
    await refusal();
    await sleep(300);
    expect(requestsWith(STALE)).toHaveLength(1);
  });

  test('is not asked for again and again while the page waits for it', async () => {
    await fresh.page.goto(fresh.server.page);
    await enter(TOKEN);
    await overview();
    const signedIn = requests.length;
    await fresh.page.evaluate(`sessionStorage.setItem('dualscale-token', '${STALE}')`);
    await fresh.page.getByRole('dialog').waitFor();
    // The page looks at the status every five seconds.
    await sleep(11_000);
    const refused = requests.slice(signedIn).map((request) => request.url());
    expect(refused.filter((url) => url.endsWith('/status'))).toHaveLength(1);
    const before = requests.length;
    await enter(TYPO);
    await refusal();
    await sleep(300);
    expect(requests.slice(before).map((request) => request.url())).toEqual([`${fresh.server.page}api/status`]);
    const statuses = () => requestsWith(TOKEN).filter((url) => url.endsWith('/status')).length;
    const known = statuses();
    await enter(TOKEN);
    await fresh.page.getByRole('dialog').waitFor({ state: 'hidden' });
    // The one that tried it, the one that waited, and the next round.
    await expect.poll(statuses, { timeout: 15_000 }).toBe(known + 3);
  }, 60_000);
});
