/** The overview's figures beside what was asked of the server, in a real browser. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NO_CHROMIUM, openChromium } from './chromium.ts';
import { type DashboardServer, openDashboardServer, TOKEN } from './dashboard-server.ts';

let server: DashboardServer;
let browser: Browser;
let page: Page;

describe.skipIf(NO_CHROMIUM)(NO_CHROMIUM ?? 'the overview in Chromium', () => {
  beforeAll(async () => {
    [server, browser] = await Promise.all([openDashboardServer(), openChromium()]);
    page = await browser.newPage();
    page.setDefaultTimeout(20_000);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const ask = async (path: string) => {
    const response = await fetch(`${server.url}/photos/${path}`);
    await response.arrayBuffer();
    return response.status;
  };
  /** Number and note of a figure. */
  const figure = async (name: string) =>
    page
      .locator('.figure')
      .filter({ has: page.getByText(name, { exact: true }) })
      .locator('dd')
      .allTextContents();

  test('counts cached pictures and refusals, and says of the models that it is their work alone', async () => {
    const path = 'photo-0.png?upscale=2';
    expect([await ask(path), await ask(path), await ask(path)]).toEqual([200, 200, 200]);
    expect([await ask('photo-1.png?upscale=none'), await ask('photo-2.png')]).toEqual([400, 200]);
    await page.goto(server.page);
    await page.getByRole('dialog').getByLabel('Token').fill(TOKEN);
    await page.keyboard.press('Enter');
    await page.getByText('1 rejected').waitFor();
    expect(await figure('Requests')).toEqual(['4', 'last 1 minute']);
    expect(await figure('Errors')).toEqual(['1', '25.0 %: 1 rejected']);
    expect(await figure('Median')).toEqual([expect.stringMatching(/ (?:ms|s)$/), 'request to picture']);
    const row = page.locator('table.numbers tbody tr');
    expect(await row.locator('td').first().textContent()).toBe('1');
    expect(await page.locator('table.numbers thead th').allTextContents()).toContain('Enlargements');
  });

  test('a new job is asked for beside the time that pictures take', async () => {
    await page.goto(`${server.page}#/jobs/new`);
    await page.getByText(/Half of the enlarged pictures take [\d.]+ m?s or less now\./).waitFor();
  });
});
