/** Where the form of a new job says what the server did not accept: always where it can be seen. */
import { beforeEach, describe, expect, test } from 'vitest';
import { NO_CHROMIUM } from './chromium.ts';
import { TOKEN } from './dashboard-server.ts';
import { type FreshPage, useFreshPage } from './fresh-page.ts';

let fresh: FreshPage;

const submit = () => fresh.page.getByRole('button', { name: 'Start job' }).click();
/** As a page would send it that is older than the server, or whose model was removed meanwhile. */
const choose = (name: string, value: string) =>
  fresh.page.locator(`[name="${name}"]`).evaluate((node: { innerHTML: string }, id) => {
    node.innerHTML = `<option value="${id}" selected>${id}</option>`;
  }, value);
/** What is to be read at a field. */
const saidAt = (name: string) => fresh.page.locator(`#field-${name}-wrong`);

describe.skipIf(NO_CHROMIUM)(NO_CHROMIUM ?? 'what the server does not accept of a job', () => {
  fresh = useFreshPage(async (context) => {
    await context.addInitScript(`sessionStorage.setItem('dualscale-token', ${JSON.stringify(TOKEN)})`);
  });
  beforeEach(async () => {
    const { page, server } = fresh;
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
    await fresh.page.getByRole('radio', { name: 'Train' }).check();
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
      await fresh.page.getByRole('radio', { name: kind }).check();
      await fresh.page.locator(`[name="${name}"]`).evaluate((node: { value: string; required: boolean }) => {
        [node.value, node.required] = ['', false];
      });
      await submit();
      await saidAt(name).filter({ hasText: 'exactly one of latencyMs, ratio and macs' }).waitFor();
    }
  });

  test('what has no field, or one that is not shown, is said below the form', async () => {
    const notice = fresh.page.locator('form .notice');
    await fresh.page.getByRole('radio', { name: 'Quick' }).evaluate((node: { value: string }) => {
      node.value = 'endless';
    });
    await fresh.page.getByRole('radio', { name: 'Wait for me' }).evaluate((node: { value: string }) => {
      node.value = 'perhaps';
    });
    await submit();
    await notice.filter({ hasText: /budget: .*quick, standard, thorough.*publish: .*auto, manual/ }).waitFor();
    expect(await saidAt('budgetAmount').textContent()).toBe('');
  });
});
