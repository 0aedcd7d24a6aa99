/** What a host's adapter calls as its answer comes in, and what it sends then. */
import type { HeaderStore } from './header-store.ts';

/** What to send in the host's place, with the headers as they are by now. */
export interface Answer {
  readonly status: number;
  readonly body?: Uint8Array;
  /** Pixels of an enlarged picture. */
  readonly size?: { readonly width: number; readonly height: number };
}

/** `pass`: the host's answer goes out as it is (its headers may have been marked). `collect`: its body is wanted. */
export type HeadVerdict = 'pass' | 'collect' | Answer;

/**
 * The adapter calls `head`, then `body` or `overflow` where the verdict was `collect`; `expire` where neither came before the
 * deadline; `leave` at any time. None throws.
 */
export interface Exchange {
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
  /** The client has left, or the host's answer broke off. */
  leave(): void;
}
