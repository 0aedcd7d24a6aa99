/** An exchange over Node's response object, on which the host writes as if we were not there. */
import type { ServerResponse } from 'node:http';
import type { Answer, Exchange } from './exchange.ts';
import { nodeHeaders } from './header-store.ts';
import { type HostListener, type Interception, interceptResponse, type Verdict } from './intercept-response.ts';

/** Takes over `res` until the answer is out; the host may be called when this returns. */
export function startNodeExchange(res: ServerResponse, exchange: Exchange): void {
  const send = ({ status, body }: Answer): 'discard' => {
    interception.answer(status, body);
    return 'discard';
  };
  const listener: HostListener = {
    onHead(): Verdict {
      const verdict = exchange.head(res.statusCode, nodeHeaders(res));
      return typeof verdict === 'string' ? verdict : send(verdict);
    },
    onBody(body) {
      // `body` never rejects.
      void exchange.body(body).then((answer) => answer && send(answer));
    },
    onOverflow() {
      const verdict = exchange.overflow();
      return typeof verdict === 'string' ? verdict : send(verdict);
    },
  };
  const interception: Interception = interceptResponse(res, listener, exchange.maxBytes);
  const timer = setTimeout(() => {
    const answer = exchange.expire(nodeHeaders(res));
    if (answer) send(answer);
  }, exchange.deadlineMs);
  res.once('close', () => {
    clearTimeout(timer);
    exchange.leave();
    interception.discard();
  });
}
