/**
 * What an operator does: asks a running server in the browser for a faster model, watches, and looks whether pictures come from it.
 *
 *   dualscale serve --jobs jobs --no-token --data-root train=/my/photographs
 *   npx tsx bench/dashboard-compression.ts --url http://127.0.0.1:8080/ --root train --shots /tmp/shots
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium, type Page } from 'playwright-core';

const LOOK_MS = 10_000;

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080/' },
    /** One of the folders that the form offers. */
    root: { type: 'string', default: 'photos' },
    ratio: { type: 'string', default: '0.6' },
    /** Folder for screenshots. */
    shots: { type: 'string', default: 'shots' },
    chromium: { type: 'string', default: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium' },
  },
});

async function askForModel(page: Page): Promise<void> {
  await page.goto(new URL('dualscale/#/jobs/new', values.url).href);
  const token = process.env['DUALSCALE_TOKEN'];
  if (token !== undefined) {
    await page.getByRole('textbox', { name: 'Token' }).fill(token);
    await page.keyboard.press('Enter');
  }
  await page.getByRole('checkbox', { name: values.root }).check();
  await page.getByLabel('Share of the model’s own latency').fill(values.ratio);
  await page.getByRole('radio', { name: 'Go into service' }).check();
  await page.getByRole('button', { name: 'Start job' }).click();
  await page.getByRole('heading', { level: 1, name: /^Compress/ }).waitFor();
}

/** Minutes until the job has ended, and how. */
async function watchJob(page: Page): Promise<{ minutes: number; state: string }> {
  const start = performance.now();
  for (let look = 0; ; look++) {
    const state = (await page.locator('.head .badge').textContent()) ?? '';
    const stage = await page.locator('.stages [aria-current] .name').allTextContents();
    const minutes = (performance.now() - start) / 60_000;
    console.log(`${minutes.toFixed(1)} min  ${state}  ${stage.join()}  ${await page.locator('.share').textContent()}`);
    await page.screenshot({ path: join(values.shots, `job-${String(look).padStart(3, '0')}.png`), fullPage: true });
    if (['Succeeded', 'Refused', 'Failed', 'Cancelled'].includes(state)) return { minutes, state };
    await page.waitForTimeout(LOOK_MS);
  }
}

async function servedBy(): Promise<string> {
  const { photos } = (await (await fetch(new URL('photos.json', values.url))).json()) as { photos: string[] };
  const address = new URL(`photos/${encodeURIComponent(photos[0] as string)}?upscale=4`, values.url);
  const response = await fetch(address);
  await response.arrayBuffer();
  return response.headers.get('x-dualscale') ?? `status ${response.status}`;
}

await mkdir(values.shots, { recursive: true });
const browser = await chromium.launch({
  executablePath: values.chromium,
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
console.log(`before: ${await servedBy()}`);
await askForModel(page);
const { minutes, state } = await watchJob(page);
console.log(`${state} after ${minutes.toFixed(1)} minutes`);
for (const row of await page.locator('.result tr').allInnerTexts()) console.log(row.replaceAll(/\s+/g, ' '));
console.log(`after: ${await servedBy()}`);
await browser.close();
