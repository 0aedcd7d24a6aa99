/** Pictures of the API as `blob:` addresses: an `<img>` could not send the token. */
/** @import { Api } from './api.js' */

const MAX_PICTURES = 40;

/** @param {Api} api */
export function createPictures(api) {
  /** @type {Map<string, Promise<string>>} */
  const known = new Map();
  const forget = (/** @type {string} */ path) => {
    known.get(path)?.then(
      (url) => URL.revokeObjectURL(url),
      () => {},
    );
    known.delete(path);
  };
  return {
    /** @param {string} path @returns {Promise<string>} */
    load(path) {
      const found = known.get(path);
      if (found) return found;
      const loading = api.request(path).then(async (response) => URL.createObjectURL(await response.blob()));
      known.set(path, loading);
      loading.catch(() => known.delete(path));
      for (const oldest of known.keys()) {
        if (known.size <= MAX_PICTURES) break;
        forget(oldest);
      }
      return loading;
    },
    dispose() {
      for (const path of [...known.keys()]) forget(path);
    },
  };
}
