/** Where the form of a new job says what the server did not accept: always where it can be seen. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { NO_CHROMIUM, openChromium } from './chromium.ts';
import { type DashboardServer, openDashboardServer, TOKEN } from './dashboard-server.ts';

let server: DashboardServer;
let browser: Browser;
let page: Page;

const submit = () => page.getByRole('button', { name: 'Start job' }).click();
/** As a page would send it that is older than the server, or whose model was removed meanwhile. */
const choose = (name: string, value: string) =>
  page.locator(`[name="${name}"]`).evaluate((node: { innerHTML: string }, id) => {
    node.innerHTML = `<option value="${id}" selected>${id}</option>`;
  }, value);
/** What is to be read at a field. */
const saidAt = (name: string) => page.locator(`#field-${name}-wrong`);

describe.skipIf(NO_CHROMIUM)(NO_CHROMIUM ?? 'what the server does not accept of a job', () => {
  beforeAll(async () => {
    [server, browser] = await Promise.all([openDashboardServer(), openChromium()]);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  beforeEach(async () => {
    const context = await browser.newContext();
    await context.addInitScript(`sessionStorage.setItem('dualscale-token', ${JSON.stringify(TOKEN)})`);
    onTestFinished(() => context.close());
    page = await context.newPage();
    page.setDefaultTimeout(8000);
    await page.goto(`${server.page}#/jobs/new`);
    await page.getByRole('heading', { level: 1, name: 'New job' }).waitFor();
    await page.getByRole('checkbox', { name: /photos/ }).check();
  });

  test('the model is said at the model, and with a training at the recipe', async () => {
    await choose('model', 'no-such-model');
    await submit();
    await saidAt('model')
      .filter({ hasText: /one of .*nearest-x2/ })
      .waitFor();
    await page.getByRole('radio', { name: 'Train' }).check();
    await choose('preset', 'no-such-recipe');
    await submit();
    await saidAt('preset')
      .filter({ hasText: /one of .*edge-x4/ })
      .waitFor();
  });

  test('a target that is missing is said at the one that was chosen', async () => {
    for (const [kind, name] of [
      ['Relative', 'ratio'],
      ['Compute', 'macs'],
      ['Latency', 'latencyMs'],
    ] as const) {
      await page.getByRole('radio', { name: kind }).check();
      await page.locator(`[name="${name}"]`).evaluate((node: { value: string; required: boolean }) => {
        [node.value, node.required] = ['', false];
      });
      await submit();
      await saidAt(name).filter({ hasText: 'exactly one of latencyMs, ratio and macs' }).waitFor();
    }
  });

  test('what has no field, or one that is not shown, is said below the form', async () => {
    const notice = page.locator('form .notice');
    await page.getByRole('radio', { name: 'Quick' }).evaluate((node: { value: string }) => {
      node.value = 'endless';
    });
    await page.getByRole('radio', { name: 'Wait for me' }).evaluate((node: { value: string }) => {
      node.value = 'perhaps';
    });
    await submit();
    await notice.filter({ hasText: /quick, standard, thorough.*auto, manual/ }).waitFor();
    expect(await saidAt('budgetAmount').textContent()).toBe('');
  });
});
