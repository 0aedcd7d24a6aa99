/** The dashboard as its reader meets it: a real browser, a real server, real jobs on tiny networks. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NO_CHROMIUM, openChromium } from './chromium.ts';
import { type DashboardServer, openDashboardServer, TOKEN } from './dashboard-server.ts';

/** A job on a machine that is busy with others. */
const JOB_MS = 300_000;

let server: DashboardServer;
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** Addresses the page asked for, and what it complained of. */
const addresses: string[] = [];
const complaints: string[] = [];

async function watch(opened: Page): Promise<void> {
  opened.setDefaultTimeout(20_000);
  opened.on('request', (request) => addresses.push(request.url()));
  opened.on('websocket', (socket) => addresses.push(socket.url()));
  opened.on('pageerror', (error) => complaints.push(error.message));
  opened.on('console', (message) => {
    // That a request was refused is told by the browser itself, in every page.
    if (message.type() === 'error' && !message.text().includes('the server responded with a status'))
      complaints.push(message.text());
  });
}

/** A context in which the token was entered before. */
async function signedIn(options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> {
  const made = await browser.newContext(options);
  await made.addInitScript(`sessionStorage.setItem('dualscale-token', ${JSON.stringify(TOKEN)})`);
  return made;
}

const heading = (name: string | RegExp) => page.getByRole('heading', { level: 1, name });
const open = (address: string) => page.goto(`${server.page}${address}`);

/** What runs in the page sees of its nodes; the tests themselves know no DOM. */
interface PageNode {
  readonly ownerDocument: { readonly activeElement: unknown };
  readonly parentElement: { readonly style: { getPropertyValue(name: string): string } };
  readonly style: { readonly transform: string };
  readonly naturalWidth: number;
  decode(): Promise<void>;
}

interface Canvas {
  readonly width: number;
  readonly height: number;
  getContext(kind: '2d'): {
    getImageData(...area: [number, number, number, number]): { readonly data: readonly number[] };
  };
}

const hasFocus = (node: PageNode) => node.ownerDocument.activeElement === node;
const splitOf = (slider: PageNode) => slider.parentElement.style.getPropertyValue('--split');
const transformOf = (image: PageNode) => image.style.transform;
const widthOf = (image: PageNode) => image.decode().then(() => image.naturalWidth);

describe.skipIf(NO_CHROMIUM)(NO_CHROMIUM ?? 'the dashboard in Chromium', () => {
  beforeAll(async () => {
    [server, browser] = await Promise.all([openDashboardServer(), openChromium()]);
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    page = await context.newPage();
    await watch(page);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  test('asks for the token, says when it is wrong, and keeps it out of addresses and lasting storage', async () => {
    await open('');
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Token').fill('not-the-token-of-it');
    await page.keyboard.press('Enter');
    await dialog.getByText('The server did not accept that token.').waitFor();
    await dialog.getByLabel('Token').fill(TOKEN);
    await dialog.getByRole('button', { name: 'Continue' }).click();
    await heading('Overview').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    expect(await page.evaluate('[localStorage.length, document.cookie]')).toEqual([0, '']);
    expect(addresses.some((address) => address.startsWith('ws://'))).toBe(true);
    expect(addresses.filter((address) => address.includes(TOKEN))).toEqual([]);
  });

  test('shows at the field what the server does not accept, and what is there to choose', async () => {
    await open('#/jobs/new');
    await page.getByRole('checkbox', { name: /photos/ }).uncheck();
    await page.getByRole('button', { name: 'Start job' }).click();
    await page
      .getByText(/expected at least one of folders/i)
      .or(page.getByText(/an object with folders/))
      .first()
      .waitFor();
    await page.getByRole('radio', { name: 'Latency' }).check();
    expect(await page.getByLabel('Milliseconds for one picture').isVisible()).toBe(true);
    expect(await page.getByLabel('Share of the model’s own latency').isVisible()).toBe(false);
    await page.getByRole('radio', { name: 'Train' }).check();
    expect(await page.getByLabel('Recipe').locator('option').count()).toBeGreaterThan(5);
  });

  test(
    'a compression is started with the keyboard, watched to its end, put into service and rolled back',
    async () => {
      await open('#/jobs');
      await page.getByText('No job has run on this server yet.').waitFor();
      await page.getByRole('link', { name: 'New job' }).press('Enter');
      await heading('New job').waitFor();
      // The order of the form is the order of the keys.
      await page.getByRole('radio', { name: 'Relative' }).focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Tab');
      await page.keyboard.type('0.6');
      await page.keyboard.press('Tab');
      expect(await page.getByRole('checkbox', { name: /photos/ }).evaluate(hasFocus)).toBe(true);
      if (!(await page.getByRole('checkbox', { name: /photos/ }).isChecked())) await page.keyboard.press('Space');
      await page.getByRole('radio', { name: 'Steps' }).check();
      await page.getByLabel('How many').fill('20');
      await page.getByText('More', { exact: true }).click();
      await page.getByLabel('Largest loss of PSNR').fill('50');
      await page.getByLabel('Name of the new model').fill('nearest-x2-small');
      await page.getByRole('button', { name: 'Start job' }).press('Enter');

      await heading('Compress nearest-x2').waitFor();
      await page.getByText('Succeeded').first().waitFor({ timeout: JOB_MS });
      await page.getByText('nearest-x2-small is stored and waits to be activated.').waitFor();
      expect(await page.locator('.stages li').count()).toBeGreaterThan(4);
      expect(await page.locator('.stages li:not(.done)').count()).toBe(0);
      expect(await page.getByRole('progressbar').getAttribute('value').then(Number)).toBe(1);
      expect(await page.getByRole('img', { name: /^Loss: loss \d/ }).count()).toBe(1);
      expect(await page.getByRole('img', { name: /^Latency: .*measured \d/ }).count()).toBe(1);
      expect(await page.locator('#announcer').textContent()).toContain('Succeeded');

      expect(await server.servedBy()).toBe('nearest-x2');
      await page.getByRole('button', { name: 'Put into service' }).click();
      await page.getByText('nearest-x2-small now serves 2×.').waitFor();
      expect(await server.servedBy()).toBe('nearest-x2-small');

      await page.getByRole('link', { name: 'Models' }).click();
      await page
        .getByRole('img', { name: /PSNR on held-out pictures against .*nearest-x2-small \(active\)/ })
        .waitFor();
      await page.getByRole('button', { name: 'Roll 2× back to nearest-x2' }).click();
      await page.getByText('nearest-x2 serves 2× again.').waitFor();
      expect(await server.servedBy()).toBe('nearest-x2');
      await page.getByRole('button', { name: 'Activate nearest-x2-small' }).press('Enter');
      await page
        .getByRole('row', { name: /^nearest-x2-small/ })
        .getByText('active', { exact: true })
        .waitFor();
      expect(await server.servedBy()).toBe('nearest-x2-small');
    },
    JOB_MS + 60_000,
  );

  test('counts the requests that were enlarged', async () => {
    await open('#/');
    await page.getByRole('rowheader', { name: 'nearest-x2-small' }).waitFor();
  });

  test('two models are compared on a picture, with line, zoom and keys', async () => {
    await open('#/compare?left=nearest-x2&right=nearest-x2-small');
    const right = page.getByRole('img', { name: 'nearest-x2-small', exact: true });
    await right.waitFor();
    expect(await right.evaluate(widthOf)).toBe(192);
    const line = page.getByRole('slider', { name: 'Dividing line' });
    await line.focus();
    for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowLeft');
    expect(await line.evaluate(splitOf)).toBe('45%');
    await page.keyboard.press('+');
    await page.keyboard.press('Shift+ArrowRight');
    expect(await right.evaluate(transformOf)).toMatch(/scale\(1\.5\)/);
    await page.getByRole('combobox', { name: 'Left' }).selectOption('browser');
    await page.getByRole('img', { name: 'browser', exact: true }).waitFor();
  });

  test('shows how the compared picture was made small: the blur as a drawing, noise, compression, consistency', async () => {
    await open('#/compare?left=browser&right=nearest-x2');
    const blur = 'Estimated blur: σ 2.01 along 0°, 0.67 across, in pixels of the enlarged picture';
    const drawing = page.getByRole('img', { name: blur });
    await drawing.waitFor();
    // The blur lies along x: the middle row has light at its ends, the middle column has none.
    const lights = await drawing.evaluate((canvas: Canvas) => {
      const { width, height } = canvas;
      const at = (x: number, y: number) => canvas.getContext('2d').getImageData(x, y, 1, 1).data[0];
      return [at(width >> 1, height >> 1), at((width >> 1) - 4, height >> 1), at(width >> 1, (height >> 1) - 4)];
    });
    expect(lights[0]).toBe(255);
    expect(lights[1]).toBeGreaterThan(60);
    expect(lights[2]).toBeLessThan(10);
    const figures = await page.locator('.inspection .figure').allTextContents();
    expect(figures[0]).toContain('along 0°, 0.67 across');
    expect(figures.slice(1, 3)).toEqual(['Noiseσ 0.0of 255', 'JPEG75quality']);
    expect(figures[3]).toMatch(/^Consistency\d+\.\d\dof 255/);
    await page.getByText('As told-x2 sees its most detailed part.').waitFor();
    // Another picture is looked at anew, with the keyboard alone.
    const asked = page.waitForResponse(/photo-1\.png\/inspection\?scale=2$/);
    await page.getByRole('radio', { name: /Picture 1,/ }).focus();
    await page.keyboard.press('ArrowRight');
    expect((await asked).status()).toBe(200);
    await expect.poll(() => page.locator('.stage .status').textContent(), { timeout: 20_000 }).toBe('');
  });

  test('says that it is cut off, reconnects, and misses nothing', async () => {
    await open('#/jobs');
    await page.getByText('Live', { exact: true }).waitFor();
    server.cutSockets();
    const asked = await server.post('jobs', {
      type: 'finetune',
      model: 'nearest-x2',
      data: { folders: ['photos'] },
      budget: { steps: 400 },
    });
    expect(asked.status).toBe(202);
    await page.getByText('Not connected', { exact: true }).waitFor();
    server.allowSockets();
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 60_000 });
    const row = page.getByRole('listitem').filter({ hasText: 'Fine-tune nearest-x2' });
    await row.waitFor({ timeout: 60_000 });
    await row.getByText('Running').waitFor({ timeout: 60_000 });
    await row.getByRole('link').click();
    await page.getByRole('button', { name: 'Cancel job' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel job' }).click();
    await page.getByText('Cancelled').first().waitFor();
  }, 180_000);

  test.each([
    { width: 360, height: 740, colorScheme: 'dark' },
    { width: 1280, height: 900, colorScheme: 'light' },
  ] as const)('fits $width pixels, $colorScheme, and names every control', async ({ width, height, colorScheme }) => {
    const narrow = await signedIn({ viewport: { width, height }, colorScheme });
    const view = await narrow.newPage();
    await watch(view);
    const job = await page.evaluate('location.hash');
    for (const [address, title] of [
      ['#/', 'Overview'],
      ['#/jobs', 'Jobs'],
      ['#/jobs/new', 'New job'],
      [String(job), 'Fine-tune nearest-x2'],
      ['#/models', 'Models'],
      ['#/compare', 'Compare'],
    ] as const) {
      await view.goto(`${server.page}${address}`);
      await view.getByRole('heading', { level: 1, name: title }).waitFor();
      expect([title, await view.evaluate('document.documentElement.scrollWidth <= innerWidth')]).toEqual([title, true]);
      const nameless = `[...document.querySelectorAll('button, a, input, select, [role="img"]')]
        .filter((node) => node.checkVisibility() && !(node.ariaLabel || node.labels?.length || node.textContent.trim()))
        .map((node) => node.outerHTML)`;
      expect([title, await view.evaluate(nameless)]).toEqual([title, []]);
    }
    await narrow.close();
  });

  test('asked only its own server, and broke no policy', () => {
    const { host } = new URL(server.url);
    expect(
      new Set(addresses.filter((address) => !address.startsWith('blob:')).map((address) => new URL(address).host)),
    ).toEqual(new Set([host]));
    // A cut socket is told by the browser as an error of its own.
    expect(complaints.filter((text) => !text.includes('WebSocket connection'))).toEqual([]);
  });
});
