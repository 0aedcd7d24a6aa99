/** An exchange over Node's response object, on which the host writes as if we were not there. */
import type { ServerResponse } from 'node:http';
import type { Answer, Exchange, HeadVerdict } from '../exchange.ts';
import { nodeHeaders } from '../header-store.ts';
import { type HostListener, type Interception, interceptResponse, type Verdict } from './intercept-response.ts';

/** What is told when the host's answer on a response breaks off. Where that goes out as it is, nobody is. */
const listeners = new WeakMap<ServerResponse, (error: unknown) => void>();

/**
 * For a host that knows why its answer on `res` breaks off after its head: the client gets `error` as a problem. False where the
 * host's own answer goes out, so that only cutting the connection says that the rest is missing.
 */
export function breakOff(res: ServerResponse, error: unknown): boolean {
  const tell = listeners.get(res);
  tell?.(error);
  return tell !== undefined;
}

/** Takes over `res` until the answer is out; the host may be called when this returns. */
export function startNodeExchange(res: ServerResponse, exchange: Exchange): void {
  const follow = (verdict: HeadVerdict): Verdict => {
    if (verdict === 'pass') listeners.delete(res);
    if (verdict === 'gone') return 'discard';
    if (typeof verdict === 'string') return verdict;
    send(verdict);
    return 'discard';
  };
  const send = ({ status, body }: Answer) => interception.answer(status, body);
  const listener: HostListener = {
    onHead: () => follow(exchange.head(res.statusCode, nodeHeaders(res))),
    onBody(body) {
      // `body` never rejects.
      void exchange.body(body).then((answer) => answer && send(answer));
    },
    onOverflow: () => (follow(exchange.overflow()) === 'pass' ? 'pass' : 'discard'),
  };
  const interception: Interception = interceptResponse(res, listener, exchange.maxBytes);
  const give = (answer: Answer | undefined) => void (answer && send(answer));
  listeners.set(res, (error) => give(exchange.fail(error, nodeHeaders(res))));
  const timer = setTimeout(() => give(exchange.expire(nodeHeaders(res))), exchange.deadlineMs);
  res.once('close', () => {
    clearTimeout(timer);
    exchange.leave();
    interception.discard();
  });
}
