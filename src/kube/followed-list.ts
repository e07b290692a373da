import type { ClientRequest, IncomingMessage } from 'node:http';
import { systemClock, type Clock } from '../base/clock.ts';
import { completeLines } from '../base/complete-lines.ts';
import type { Transport } from './transport.ts';
import type { FollowedList, KubeObject } from './types.ts';

/** A watch that is silent for this long may be dead without anybody having said so: the list is read again. */
const silentMs = 5000;
/** How long the API server keeps a watch open; waits are minutes at most. */
const watchSeconds = 600;

interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T;
}

interface Page<T> {
  items: T[];
  resourceVersion: string;
}

/**
 * A list that a watch keeps up to date: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes.
 * It asks for the list when it has to (at first, when the watch broke or its version is too old, after some silence), so that
 * a watch that fails costs requests, never the truth.
 */
export class WatchedList<T extends KubeObject> implements FollowedList<T> {
  readonly #transport: Transport;
  readonly #path: string;
  readonly #list: () => Promise<Page<T>>;
  readonly #clock: Clock;
  readonly #items = new Map<string, T>();
  #watch: ClientRequest | undefined;
  #heardAt = -Infinity;
  /** Something has changed since `current` was called. */
  #dirty = false;
  #wake: (() => void) | undefined;
  #change: Promise<void> | undefined;
  #closed = false;

  /** @param list reads all pages of `path` */
  constructor(transport: Transport, path: string, list: () => Promise<Page<T>>, clock: Clock = systemClock) {
    this.#transport = transport;
    this.#path = path;
    this.#list = list;
    this.#clock = clock;
  }

  async current(): Promise<T[]> {
    const fresh = this.#watch !== undefined && this.#clock.monotonicMs() - this.#heardAt < silentMs;
    if (!fresh) await this.#refresh();
    this.#dirty = false;
    return [...this.#items.values()];
  }

  changed(): Promise<void> {
    if (this.#dirty) return Promise.resolve();
    this.#change ??= new Promise((resolve) => {
      this.#wake = () => {
        this.#change = undefined;
        resolve();
      };
    });
    return this.#change;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#stopWatch();
  }

  async #refresh(): Promise<void> {
    this.#stopWatch();
    const { items, resourceVersion } = await this.#list();
    this.#items.clear();
    for (const item of items) this.#items.set(keyOf(item), item);
    this.#heardAt = this.#clock.monotonicMs();
    await this.#startWatch(resourceVersion);
  }

  async #startWatch(resourceVersion: string): Promise<void> {
    const url = new URL(this.#path, 'http://watch');
    url.searchParams.set('watch', 'true');
    url.searchParams.set('resourceVersion', resourceVersion);
    url.searchParams.set('timeoutSeconds', String(watchSeconds));
    const request = await this.#transport.request({ method: 'GET', path: url.pathname + url.search });
    if (this.#closed) return void request.destroy();
    this.#watch = request;
    // That is no change: a server that ends every watch at once would be asked again and again.
    const over = (): void => {
      if (this.#watch === request) this.#stopWatch();
    };
    request.once('error', over);
    request.once('response', (response: IncomingMessage) => {
      if (response.statusCode === 200) this.#read(request, response).then(over, over);
      else over();
    });
    request.end();
  }

  async #read(request: ClientRequest, response: IncomingMessage): Promise<void> {
    for await (const line of completeLines(response)) {
      if (this.#watch !== request) return;
      const { type, object } = JSON.parse(line) as WatchEvent<T>;
      this.#heardAt = this.#clock.monotonicMs();
      if (type === 'ADDED' || type === 'MODIFIED') this.#items.set(keyOf(object), object);
      else if (type === 'DELETED') this.#items.delete(keyOf(object));
      // The version it went on from is too old (410): only the list knows more.
      else if (type === 'ERROR') return;
      else continue;
      this.#dirty = true;
      this.#wake?.();
    }
  }

  #stopWatch(): void {
    this.#watch?.once('error', () => {}).destroy();
    this.#watch = undefined;
  }
}

function keyOf({ metadata }: KubeObject): string {
  return metadata.uid ?? `${metadata.namespace}/${metadata.name}`;
}
