/** The answer of one IndexedDB request. */
export function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the storage gave no reason'));
  });
}

/** Resolves when all of the transaction is on disk; rejects when none of it is. */
export function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('the storage gave no reason'));
  });
}

/** Opens a database, and brings it up to `version` in one transaction when it is new or older. */
export function openDatabase(
  factory: IDBFactory,
  name: string,
  version: number,
  upgrade: (db: IDBDatabase, transaction: IDBTransaction) => void,
): Promise<IDBDatabase> {
  const request = factory.open(name, version);
  request.onupgradeneeded = () => {
    if (request.transaction !== null) upgrade(request.result, request.transaction);
  };
  return answered(request);
}
