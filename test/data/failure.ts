import { DeepntkError } from '../../src/index';

/** The DeepntkError that a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<DeepntkError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DeepntkError);
  return error as DeepntkError;
}
