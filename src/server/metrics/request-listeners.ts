/** Lets others hear of the requests that the metrics count. */
import type { Metrics } from './metrics.ts';

interface EndedRequest {
  readonly outcome: string;
  readonly milliseconds?: number;
}

interface HeardMetrics {
  /** As the metrics that were given; tells its listeners besides. */
  readonly meter: Metrics;
  /** Call the result to stop. */
  onRequest(listener: (request: EndedRequest) => void): () => void;
}

export function hearRequests(metrics: Metrics): HeardMetrics {
  const listeners = new Set<(request: EndedRequest) => void>();
  return {
    meter: {
      ...metrics,
      request(outcome, milliseconds) {
        metrics.request(outcome, milliseconds);
        const request = { outcome, milliseconds };
        for (const listener of listeners) listener(request);
      },
    },
    onRequest(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
