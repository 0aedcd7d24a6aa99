/** A server and a browser for one test file, and for each test a page that knows nothing of the others. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, onTestFinished } from 'vitest';
import { openChromium } from './chromium.ts';
import { type DashboardServer, openDashboardServer } from './dashboard-server.ts';

export interface FreshPage {
  readonly server: DashboardServer;
  readonly page: Page;
}

/** Call it within `describe`. @param prepare what comes before the page is opened. */
export function useFreshPage(prepare: (context: BrowserContext) => Promise<void> = async () => {}): FreshPage {
  let server: DashboardServer;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    [server, browser] = await Promise.all([openDashboardServer(), openChromium()]);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  beforeEach(async () => {
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    await prepare(context);
    page = await context.newPage();
    page.setDefaultTimeout(20_000);
  });
  return {
    get server() {
      return server;
    },
    get page() {
      return page;
    },
  };
}
