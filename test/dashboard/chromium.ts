/** A real browser, where there is one. */
import { accessSync, constants } from 'node:fs';
import { chromium } from 'playwright-core';

const USUAL = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const { CHROMIUM_PATH } = process.env;
const executablePath = (CHROMIUM_PATH ? [CHROMIUM_PATH] : USUAL).find(isProgram);

/** Why the tests in a browser are skipped; undefined when they are not. */
export const NO_CHROMIUM =
  executablePath === undefined
    ? `no Chromium at ${CHROMIUM_PATH ?? USUAL.join(', ')} (CHROMIUM_PATH names one)`
    : undefined;

export function openChromium() {
  if (executablePath === undefined) throw new Error(NO_CHROMIUM);
  // Containers have neither the namespaces for Chromium's own sandbox nor much of /dev/shm; the pages are ours.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
