/** All events of one job, those before the page was opened and those that come. */
/** @import { JobEvent } from '../../jobs/events/job-event.ts' */
/** @import { Api } from './api.js' */
/** @import { Curves } from './curves.js' */
/** @import { Live } from './live.js' */
import { notify } from './announce.js';
import { messageOf } from './api.js';

const PAGE = 1000;

/** @param {{ api: Api, live: Live, id: string, curves: Curves, onChange: () => void }} parts @returns {() => void} what ends it */
export function followJob({ api, live, id, curves, onChange }) {
  let isReading = false;
  const readPages = async () => {
    for (;;) {
      const page = await api.get(`jobs/${id}/events?after=${curves.lastSeq}&limit=${PAGE}`);
      for (const event of page.events) curves.add(event);
      if (page.complete || page.events.length === 0) break;
    }
    onChange();
  };
  const read = async () => {
    if (isReading) return;
    isReading = true;
    try {
      await readPages();
    } catch (error) {
      notify(messageOf(error), 'failed');
    } finally {
      isReading = false;
    }
  };
  /** @param {JobEvent} event */
  const hear = (event) => {
    if (event.job !== id) return;
    // A hole means that older events are still to be read, or that the server summed progress up.
    if (event.seq > curves.lastSeq + 1) return void read();
    curves.add(event);
    onChange();
  };
  void read();
  const stops = [live.onEvent(hear), live.onOpen(() => void read())];
  return () => {
    for (const stop of stops) stop();
  };
}
