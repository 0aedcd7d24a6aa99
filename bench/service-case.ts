/** Starts and asks the server of the service benchmarks. */
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PACKAGE_ROOT } from '../src/core/version.ts';
import { nextMessage, startCase } from './fork-case.ts';
import type { ServiceCommand, ServiceConfig, ServiceReport } from './service-server.ts';

export interface Service {
  readonly url: string;
  /** Event loop delays (0 unless watched) and CPU time since the last report or `watch`, memory now. */
  report(): Promise<ServiceReport>;
  /** Starts to watch the event loop. */
  watch(): void;
  stop(): Promise<void>;
  /** `SIGKILL`: nothing is closed and nothing is written any more. */
  kill(): Promise<void>;
}

export async function startService(config: Omit<ServiceConfig, 'photo'>): Promise<Service> {
  const photo = join(PACKAGE_ROOT, 'examples', 'photos', 'coffee.png');
  const child = startCase('service-server', { ...config, photo } satisfies ServiceConfig);
  const tell = (command: ServiceCommand) => child.send(command);
  const port = await nextMessage<number>(child);
  return {
    url: `http://127.0.0.1:${port}`,
    report: () => {
      const message = nextMessage<ServiceReport>(child);
      tell('report');
      return message;
    },
    watch: () => void tell('watch'),
    stop: async () => {
      if (!child.connected) return;
      const exit = once(child, 'exit');
      tell('stop');
      await exit;
    },
    kill: async () => {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}

/** The status, once the whole answer is here. `fetch` takes nearly twice the CPU time, and the server shares these cores. */
async function ask(url: string, agent: Agent): Promise<number | undefined> {
  const [response] = (await once(get(url, { agent }), 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}

/** Answers a second while `clients` ask again as soon as they are answered; `pathOf` gets the number of the request. */
export async function closedLoopRate(
  url: string,
  { clients, seconds, pathOf }: { clients: number; seconds: number; pathOf: (request: number) => string },
): Promise<number> {
  const start = performance.now();
  const agent = new Agent({ keepAlive: true });
  let asked = 0;
  let answered = 0;
  const client = async () => {
    while (performance.now() < start + seconds * 1000) {
      const status = await ask(`${url}${pathOf(asked++)}`, agent);
      // On a machine that is busy with other things even a few clients may be too many.
      if (status === 503) await sleep(200);
      else if (status === 200) answered += 1;
      else throw new Error(`expected status 200, got ${status}`);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  agent.destroy();
  return (answered * 1000) / (performance.now() - start);
}
