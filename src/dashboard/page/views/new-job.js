/** The form that starts a job. */
/** @import { Status } from '../../api-types.ts' */
/** @import { App, View } from '../main.js' */
import { notify } from '../announce.js';
import { ApiError, messageOf } from '../api.js';
import { element, setText } from '../dom.js';
import { clearErrors, showErrors } from '../form-fields.js';
import { milliseconds } from '../format.js';
import { jobFields } from '../job-fields.js';
import { fieldOf, jobRequest } from '../job-request.js';
import { jobAddress, pageHead } from '../parts.js';

/** A button pressed twice, or an answer that got lost, must not make two jobs. */
function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {HTMLFormElement} form @param {HTMLElement} place @param {unknown} error */
function showFailure(form, place, error) {
  const fields = error instanceof ApiError ? error.fields : [];
  const errors = fields.map(({ pointer, detail }) => ({ pointer, name: fieldOf(pointer), message: detail }));
  // A field that is folded away could not take the focus.
  const names = new Set(errors.map(({ name }) => name));
  for (const details of form.querySelectorAll('details')) {
    details.open ||= [...details.querySelectorAll('input')].some(({ name }) => names.has(name));
  }
  // Nothing else says which part of the job such a message is about.
  const homeless = showErrors(form, errors).map(
    ({ pointer, message }) => `${pointer.replace(/^#\/?/, '') || 'job'}: ${message}.`,
  );
  setText(place, fields.length === 0 ? messageOf(error) : homeless.join(' '));
  place.hidden = place.textContent === '';
}

/** @param {App} app @param {Status} status @param {URLSearchParams} parameters */
function jobForm({ api, store }, status, parameters) {
  const submit = element('button', { type: 'submit', class: 'main' }, 'Start job');
  const back = element('a', { class: 'button', href: '#/jobs' }, 'Back');
  const wrong = element('p', { class: 'notice failed', role: 'alert', hidden: true });
  const fields = jobFields({ api, store, status, model: parameters.get('model') });
  const actions = element('div', { class: 'actions' }, submit, back);
  const form = element('form', { class: 'panel job-form' }, ...fields, wrong, actions);
  let key = randomKey();
  form.addEventListener('input', () => {
    key = randomKey();
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    clearErrors(form);
    wrong.hidden = true;
    submit.disabled = true;
    try {
      const job = await api.post('jobs', jobRequest(form), { 'Idempotency-Key': key });
      store.putJob(job);
      notify('The job was accepted.');
      location.hash = jobAddress(job.id);
    } catch (error) {
      showFailure(form, wrong, error);
    }
    submit.disabled = false;
  });
  return form;
}

/** @param {App} app @param {URLSearchParams} parameters @returns {View} */
export function createNewJobView(app, parameters) {
  const status = app.store.status();
  if (!status) throw new Error('the status is fetched before any view is shown');
  const { p50Ms } = status.serving;
  const now = p50Ms === null ? '' : ` Half of the enlarged pictures take ${milliseconds(p50Ms)} or less now.`;
  const lead = `A job runs beside the server at low priority; requests are answered meanwhile.${now}`;
  const root = element('div', { class: 'narrow' }, pageHead('New job'), element('p', { class: 'quiet about' }, lead));
  root.append(jobForm(app, status, parameters));
  return { title: 'New job', root, dispose: () => {} };
}
