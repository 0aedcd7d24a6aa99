/** What a host's adapter calls as its answer comes in, and what it sends then. */
import type { HeaderStore } from './header-store.ts';

/** What to send in the host's place, with the headers as they are by now. */
export interface Answer {
  readonly status: number;
  readonly body?: Uint8Array;
  /** Pixels of an enlarged picture. */
  readonly size?: { readonly width: number; readonly height: number };
}

/**
 * `pass`: the host's answer goes out as it is (its headers may have been marked). `collect`: its body is wanted. `gone`: nobody
 * waits any more, its body is to be dropped.
 */
export type HeadVerdict = 'pass' | 'collect' | 'gone' | Answer;

/**
 * The adapter calls `head`, then `body` or `overflow` where the verdict was `collect`; `expire` where neither came before the
 * deadline, `fail` where it is known why it will not; `leave` at any time. None throws.
 */
export interface Exchange {
  /** Aborted when the client has left, or has its answer although the host's is not there: what still comes is for nobody. */
  readonly gone: AbortSignal;
  /** Bytes of the host's body that may be kept in memory. */
  readonly maxBytes: number;
  /** The host's status and headers stand, nothing has been sent. `headers` are changed to those of the answer. */
  head(status: number, headers: HeaderStore): HeadVerdict;
  /** The whole body of the host. Undefined when nobody waits any more. */
  body(bytes: Buffer): Promise<Answer | undefined>;
  /** More than `maxBytes` came. `pass`: what was kept and the rest go out as they are. */
  overflow(): 'pass' | Answer;
  /** Milliseconds that the host has for its whole picture. */
  readonly deadlineMs: number;
  /** The host was too slow: what to send in its place. Undefined when its picture is there or nobody waits. */
  expire(headers: HeaderStore): Answer | undefined;
  /** The host's answer broke off for a reason that is known. Undefined when its picture is there or nobody waits. */
  fail(error: unknown, headers: HeaderStore): Answer | undefined;
  /** The client has left, or the host's answer broke off. */
  leave(): void;
}
