/** Sends an archive of pictures to the server. */
/** @import { Upload } from '../api-types.ts' */
/** @import { Api } from './api.js' */
import { messageOf } from './api.js';
import { element } from './dom.js';
import { byteCount, counted } from './format.js';

/** By the ending of the name: browsers guess the types of archives differently. */
const ARCHIVES = {
  '.zip': 'application/zip',
  '.tar': 'application/x-tar',
  '.tgz': 'application/gzip',
  '.tar.gz': 'application/gzip',
};

/** @param {Upload} upload */
function describe({ pictures, skipped }) {
  const left = skipped > 0 ? `, ${counted(skipped, 'file')} left out` : '';
  return `${counted(pictures, 'picture')} can be used${left}.`;
}

/** @param {{ api: Api, say: (text: string) => void, onDone: (id: string) => Promise<void> }} parts */
export function uploadButton({ api, say, onDone }) {
  const input = element('input', {
    type: 'file',
    class: 'unseen',
    accept: Object.keys(ARCHIVES).join(','),
    'aria-label': 'Upload an archive of pictures',
  });
  /** @param {File} file */
  const send = async (file) => {
    const type = Object.entries(ARCHIVES).find(([ending]) => file.name.toLowerCase().endsWith(ending))?.[1];
    if (!type) return say('Expected a .zip, .tar, .tar.gz or .tgz file.');
    say(`Uploading ${file.name}, ${byteCount(file.size)}…`);
    const headers = { 'Content-Type': type };
    const made = await (await api.request('uploads', { method: 'POST', body: file, headers })).json();
    await onDone(made.id);
    say(describe(made));
  };
  input.addEventListener('change', async () => {
    const [file] = input.files ?? [];
    if (!file) return;
    try {
      await send(file);
    } catch (error) {
      say(messageOf(error));
    }
    input.value = '';
  });
  return element('label', { class: 'button' }, input, 'Upload an archive…');
}
