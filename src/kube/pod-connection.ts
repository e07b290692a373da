import { Duplex } from 'node:stream';
import type { KubeConfig } from '@kubernetes/client-node';
import { openPodStream, sendOn, type PodSocket } from './pod-stream.ts';

/** Port-forward has a data and an error channel; each starts with the port number in two bytes. */
const channels = { data: 0, error: 1 };

/**
 * A connection to 127.0.0.1:port inside a pod, over a port-forward of its own, as a stream that node:http and node:tls can use as
 * their socket. Nothing of it is left when it is destroyed.
 */
export class PodConnection extends Duplex {
  #socket: PodSocket | undefined;
  /** It may fail before anybody listens, and after. */
  broken: Error | undefined;
  readonly #awaitsPort = new Set([channels.data, channels.error]);

  private constructor() {
    super();
    this.on('error', (error: Error) => (this.broken = error));
  }

  /** @throws KubeApiError when the pod cannot be reached, MESHPROOF_KUBE_TIMEOUT */
  static async open(
    config: KubeConfig,
    pod: { namespace: string; name: string },
    port: number,
    { what, timeoutMs }: { what: string; timeoutMs: number },
  ): Promise<PodConnection> {
    const connection = new PodConnection();
    connection.#socket = await openPodStream({
      config,
      what,
      path: `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/portforward?ports=${port}`,
      timeoutMs,
      onMessage: (channel, data) => connection.#receive(channel, data),
      onClose: () => connection.#endInput(),
    });
    return connection;
  }

  #receive(channel: number, data: Buffer): void {
    const content = this.#awaitsPort.delete(channel) ? data.subarray(2) : data;
    if (content.length === 0 || this.destroyed) return;
    if (channel === channels.data) this.push(Buffer.from(content));
    else if (channel === channels.error) this.destroy(new Error(content.toString().trim()));
  }

  #endInput(): void {
    if (!this.destroyed) this.push(null);
  }

  override _read(): void {
    // Answers are small and come as they come: the protocol has no way to slow the sender down.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    sendOn(this.#socket!, channels.data, chunk).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket?.terminate();
    done(error);
  }

  // node:http calls these on its sockets.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
