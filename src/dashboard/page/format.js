/** Numbers and times as people read them. */

const NOTHING = '–';

/** @param {number | null | undefined} ms */
export function milliseconds(ms) {
  if (ms === null || ms === undefined) return NOTHING;
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 100) return `${ms.toFixed(1)} ms`;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** @param {number | null | undefined} db */
export const decibels = (db) => (db === null || db === undefined ? NOTHING : `${db.toFixed(2)} dB`);

/** @param {number | null | undefined} value @param {number} [digits] */
export function plain(value, digits = 3) {
  return value === null || value === undefined ? NOTHING : String(Number(value.toPrecision(digits)));
}

/** `354672` becomes `355 k`. @param {number | null | undefined} value */
export function large(value) {
  if (value === null || value === undefined) return NOTHING;
  const units = ['', ' k', ' M', ' G', ' T'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return `${Number((value / 1000 ** power).toPrecision(3))}${units[power]}`;
}

/** @param {number | null | undefined} bytes */
export const byteCount = (bytes) => (bytes === null || bytes === undefined ? NOTHING : `${large(bytes)}B`);

/** @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return NOTHING;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `m:ss` for axes. @param {number} seconds */
export function clock(seconds) {
  const whole = Math.round(seconds);
  const tail = `${String(Math.floor((whole % 3600) / 60)).padStart(whole < 3600 ? 1 : 2, '0')}:${String(whole % 60).padStart(2, '0')}`;
  return whole < 3600 ? tail : `${Math.floor(whole / 3600)}:${tail}`;
}

/** Of today only the time. @param {string} iso */
export function dateTime(iso) {
  const date = new Date(iso);
  const isToday = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(undefined, isToday ? { timeStyle: 'short' } : { dateStyle: 'medium', timeStyle: 'short' });
}

/** @param {string} iso */
export const timeOfDay = (iso) => new Date(iso).toLocaleTimeString();

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** @param {string} word */
export const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);
