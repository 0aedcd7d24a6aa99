/** WebGPU for tests: a Vulkan driver (SwiftShader, which computes on the CPU, will do), tried in a process of its own. */
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Drivers that come with a browser; a system's own are found by the Vulkan loader. */
const BROWSER_DRIVERS = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
];

/** Two minutes: shaders are compiled at the first run, on a core that may have other work. */
const TIMEOUT_MS = 120_000;

function driverEnvironment(): NodeJS.ProcessEnv {
  const given = process.env['VK_DRIVER_FILES'] ?? process.env['VK_ICD_FILENAMES'];
  const found = BROWSER_DRIVERS.find((path) => existsSync(path));
  const driver = given === undefined && found !== undefined ? { VK_DRIVER_FILES: found } : {};
  // The loader complains on stderr where there is no such folder.
  return { ...process.env, XDG_RUNTIME_DIR: process.env['XDG_RUNTIME_DIR'] ?? tmpdir(), ...driver };
}

/**
 * Runs a TypeScript file of the tests where WebGPU can be used, and returns the message it sends. A crash of the driver
 * ends that process, not the tests; what drivers print does not get in between.
 */
export function runWithWebgpu<Result>(file: URL, ...args: string[]): Promise<Result> {
  const child = fork(fileURLToPath(file), args, {
    execArgv: ['--import', 'tsx'],
    env: driverEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let errors = '';
  child.stderr?.on('data', (text) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    let result: { readonly message: Result } | undefined;
    child.on('message', (message) => {
      result = { message: message as Result };
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (result && code === 0) resolve(result.message);
      else reject(new Error(`ended with ${signal ?? `code ${code}`}: ${errors}`));
    });
  });
}

async function probe(): Promise<string> {
  try {
    await runWithWebgpu(new URL('./webgpu-probe.ts', import.meta.url));
    return '';
  } catch (error) {
    const lines = (error as Error).message.split('\n');
    const line = lines.find((text) => /Error: /.test(text)) ?? lines[0] ?? '';
    // ONNX Runtime puts the place in its source and the condition that failed before the reason.
    return ` (skipped: no WebGPU here: ${line
      .replace(/^.* was false\. /, '')
      .trim()
      .slice(0, 120)})`;
  }
}

/** Why tests of WebGPU are skipped here; empty where they are not. */
export const noWebgpu: string = await probe();
