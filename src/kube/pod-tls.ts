import { connect, type PeerCertificate } from 'node:tls';
import type { KubeConfig } from '@kubernetes/client-node';
import { startTimer, type Timer } from '../base/clock.ts';
import { PodConnection } from './pod-connection.ts';
import { portForwardError } from './pod-http.ts';
import { timeoutOf } from './transport.ts';

const timeoutMs = 10_000;

/** The leaf certificate of a TLS server, as far as it is read. */
export interface ServedCertificate {
  /** DNS and URI names. */
  names: string[];
  /** Epoch milliseconds. */
  notBefore: number;
  notAfter: number;
}

/**
 * The certificate that 127.0.0.1:port inside a pod serves to a client that asks for a name and shows none itself. Whether it can be
 * trusted is not looked at.
 *
 * @throws KubeApiError when the pod cannot be reached or does not speak TLS on that port, MESHPROOF_KUBE_TIMEOUT
 */
export async function podCertificate(
  config: KubeConfig,
  pod: { namespace: string; name: string },
  port: number,
  serverName: string,
): Promise<ServedCertificate> {
  const what = `TLS to ${pod.namespace}/${pod.name}:${port} as ${serverName}`;
  const connection = await PodConnection.open(config, pod, port, { what, timeoutMs });
  let timer: Timer | undefined;
  try {
    return await new Promise((resolve, reject) => {
      timer = startTimer(timeoutMs, () => reject(timeoutOf(what, timeoutMs)));
      const secure = connect({ socket: connection, servername: serverName, rejectUnauthorized: false });
      secure.once('error', (error) => reject(portForwardError(what, connection.broken ?? error)));
      secure.once('secureConnect', () => {
        resolve(served(secure.getPeerCertificate()));
        secure.destroy();
      });
    });
  } finally {
    timer?.[Symbol.dispose]();
    connection.destroy();
  }
}

function served({ subjectaltname, valid_from: from, valid_to: to }: PeerCertificate): ServedCertificate {
  const names = (subjectaltname ?? '').split(', ').map((name) => name.replace(/^(DNS|URI):/, ''));
  return { names: names.filter(Boolean), notBefore: Date.parse(from), notAfter: Date.parse(to) };
}
