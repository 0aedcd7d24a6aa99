/** Where a job takes its photographs from: folders the server allows, uploaded archives, sampled traffic. */
/** @import { Status, Traffic, Upload } from '../api-types.ts' */
/** @import { Api } from './api.js' */
import { messageOf } from './api.js';
import { element, fill, setText } from './dom.js';
import { byteCount, counted, dateTime } from './format.js';
import { uploadButton } from './upload-button.js';

/** @param {string} value @param {string} name @param {string} detail @param {boolean} checked */
function choice(value, name, detail, checked) {
  const input = element('input', { type: 'checkbox', name: 'source', value, checked });
  return element('label', { class: 'choice' }, input, element('span', {}, name, element('small', {}, detail)));
}

/** @param {Upload} upload @param {boolean} checked */
function uploadChoice({ id, pictures, bytes, createdAt }, checked) {
  return choice(
    `upload:${id}`,
    `Upload of ${dateTime(createdAt)}`,
    `${counted(pictures, 'picture')}, ${byteCount(bytes)}`,
    checked,
  );
}

/** @param {{ api: Api, status: Status }} parts */
export function dataSources({ api, status }) {
  const list = element('div', { class: 'choices-list', id: 'field-source', tabindex: -1 });
  const wrong = element('p', { class: 'wrong', id: 'field-source-wrong' });
  const note = element('p', { class: 'hint', role: 'status' });
  const isChecked = (/** @type {string} */ value) =>
    list.querySelector(`input[value="${CSS.escape(value)}"]:checked`) !== null;

  /** @param {readonly Upload[]} uploads @param {Traffic} traffic @param {string} [fresh] */
  const show = (uploads, traffic, fresh) => {
    const isOnly = status.roots.length === 1 && uploads.length === 0;
    const folders = status.roots.map((root) =>
      choice(`folder:${root}`, root, 'folder on the server', isOnly || isChecked(`folder:${root}`)),
    );
    const archives = uploads.map((entry) => uploadChoice(entry, entry.id === fresh || isChecked(`upload:${entry.id}`)));
    const amount = `${counted(traffic.pictures, 'picture')} that passed through`;
    const sampled = traffic.enabled && choice('traffic', 'Sampled traffic', amount, isChecked('traffic'));
    const isEmpty = folders.length + archives.length === 0 && !sampled;
    const advice = element('p', { class: 'quiet' }, 'The server offers no folder. Upload an archive of photographs.');
    fill(list, ...folders, ...archives, sampled, isEmpty && advice);
  };
  /** @param {string} [fresh] */
  const load = async (fresh) => {
    const [{ uploads }, traffic] = await Promise.all([api.get('uploads'), api.get('traffic')]);
    show(uploads, traffic, fresh);
  };
  const upload = uploadButton({ api, say: (text) => setText(note, text), onDone: load });
  show([], { enabled: false, pictures: 0, smallPictures: 0 });
  load().catch((error) => setText(note, messageOf(error)));
  return element('fieldset', { class: 'field' }, element('legend', {}, 'Photographs'), list, wrong, upload, note);
}
