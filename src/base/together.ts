/**
 * Runs tasks side by side. When one fails the others are told to stop, and all have ended before this rejects with the
 * first failure: nobody writes into a lab that is being deleted.
 */
export async function together(
  signal: AbortSignal,
  tasks: ((signal: AbortSignal) => Promise<unknown>)[],
): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  let failed: { error: unknown } | undefined;
  await Promise.all(
    tasks.map(async (task) => {
      try {
        await task(both);
      } catch (error) {
        failed ??= { error };
        stop.abort(error);
      }
    }),
  );
  if (failed) throw failed.error;
}
