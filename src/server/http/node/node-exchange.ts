/** An exchange over Node's response object, on which the host writes as if we were not there. */
import type { ServerResponse } from 'node:http';
import { guard } from '../../../core/guarded.ts';
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

/**
 * Takes over `res` until the answer is out; the host may be called when this returns.
 *
 * @param onFailure told of an answer that could not be sent.
 */
export function startNodeExchange(res: ServerResponse, exchange: Exchange, onFailure: (error: unknown) => void): void {
  /** Somebody else has sent a head, or a header cannot be sent: cutting the connection is all that is left. */
  const cut = (error: unknown): void => {
    onFailure(error);
    exchange.leave();
    res.destroy();
  };
  const send = (answer: Answer | undefined): void => {
    if (answer) interception.answer(answer.status, answer.body);
  };
  const follow = (decide: () => HeadVerdict): Verdict => {
    try {
      const verdict = decide();
      if (verdict === 'pass') listeners.delete(res);
      if (verdict === 'pass' || verdict === 'collect') return verdict;
      if (verdict !== 'gone') send(verdict);
    } catch (error) {
      cut(error);
    }
    return 'discard';
  };
  const listener: HostListener = {
    onHead: () => follow(() => exchange.head(res.statusCode, nodeHeaders(res))),
    onBody: (body) => void exchange.body(body).then(send).catch(cut),
    onOverflow: () => (follow(() => exchange.overflow()) === 'pass' ? 'pass' : 'discard'),
  };
  const interception: Interception = interceptResponse(res, listener, exchange.maxBytes);
  const sendInstead = guard((answer: () => Answer | undefined) => send(answer()), cut);
  listeners.set(res, (error) => sendInstead(() => exchange.fail(error, nodeHeaders(res))));
  const timer = setTimeout(() => sendInstead(() => exchange.expire(nodeHeaders(res))), exchange.deadlineMs);
  res.once('close', () => {
    clearTimeout(timer);
    exchange.leave();
    interception.discard();
  });
}
