/** Tasks one after the other. */

/** Gives a function that runs each task when the one before has ended, however that ended. */
export function createMutex() {
  let last: Promise<unknown> = Promise.resolve();
  return <Result>(task: () => Promise<Result>): Promise<Result> => {
    const result = last.then(task, task);
    last = result.catch(() => {});
    return result;
  };
}
