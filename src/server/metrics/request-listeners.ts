/** Lets others hear of the requests that the metrics count. */
import { Emitter } from '../../core/guarded.ts';
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

export function hearRequests(metrics: Metrics, onError: (error: unknown) => void): HeardMetrics {
  const requests = new Emitter<EndedRequest>(onError);
  return {
    meter: {
      ...metrics,
      request(outcome, milliseconds) {
        metrics.request(outcome, milliseconds);
        requests.emit({ outcome, milliseconds });
      },
    },
    onRequest: (listener) => requests.on(listener),
  };
}
