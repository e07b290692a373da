import { readFileSync } from 'node:fs';
import { literal } from '../../../kube/literal.ts';
import type { AppPath } from '../../../meshes/adapter.ts';

/** The fault proxy and its admin port, on the pod's loopback only. */
export const listenPort = 15999;
export const adminPort = 15998;
/** Where a fault point keeps its files inside its own container. */
export const pointDir = '/tmp/meshproof';
/** The word for the point to come into force, once it has said that it is armed. */
export const goPath = `${pointDir}/go`;
/** Its ledger; the point stays until `collectedPath` is there, or its time is over. */
export const ledgerPath = `${pointDir}/ledger.ndjson`;
export const collectedPath = `${pointDir}/collected`;
/** A guard outlives its point's dead-man timer by this. */
const guardGraceS = 5;

export interface PointSettings {
  /** Unique per injection; part of the container names and of the iptables rule's comment. */
  id: string;
  /** Reference of the image with envoy, busybox, iptables and ss. */
  image: string;
  appPort: number;
  appPath: AppPath;
  podIp: string;
  deadManMs: number;
  drainMs: number;
  /** How long the container stays after the fault has ended, for its ledger to be collected. */
  ledgerKeptMs: number;
  /** How long it waits for the word to go: a container that starts after its fault was given up never gets it. */
  goWithinMs: number;
  envoyConfig: object;
}

export interface PointNames {
  point: string;
  guard: string;
}

export function pointNames(id: string): PointNames {
  return { point: `meshproof-fault-${id}`, guard: `meshproof-guard-${id}` };
}

function script(name: 'common' | 'guard' | 'point'): string {
  return readFileSync(new URL(`${name}.sh`, import.meta.url), 'utf8');
}

/** The shell programs of the two containers. */
export function pointScripts(): { point: string; guard: string } {
  const common = script('common');
  return { point: common + script('point'), guard: common + script('guard') };
}

/** Settings as the scripts read them. */
export function pointEnv(settings: Omit<PointSettings, 'image'>, dir = pointDir): Record<string, string> {
  const deadManS = Math.ceil(settings.deadManMs / 1000);
  return {
    MP_ID: settings.id,
    MP_DIR: dir,
    MP_APP_PORT: String(settings.appPort),
    MP_SIDECAR_UID: String(settings.appPath.sidecarUid),
    MP_OUT_INTERFACE: settings.appPath.outInterface,
    MP_POD_IP: settings.podIp,
    MP_LISTEN_PORT: String(listenPort),
    MP_ADMIN_PORT: String(adminPort),
    MP_DEADMAN_S: String(deadManS),
    MP_GUARD_DEADLINE_S: String(deadManS + guardGraceS),
    MP_GO_WITHIN_TENTHS: String(Math.ceil(settings.goWithinMs / 100)),
    MP_DRAIN_TENTHS: String(Math.ceil(settings.drainMs / 100)),
    MP_LEDGER_TENTHS: String(Math.ceil(settings.ledgerKeptMs / 100)),
    MP_ENVOY_CONFIG: JSON.stringify(settings.envoyConfig),
  };
}

/** The ephemeral containers of a fault point, the guard first: the kubelet starts them in order. */
export function pointContainers(settings: PointSettings): object[] {
  const names = pointNames(settings.id);
  const scripts = pointScripts();
  const env = Object.entries(pointEnv(settings)).map(([name, value]) => ({ name, value: literal(value) }));
  const container = (name: string, program: string, variables: object[]) => ({
    name,
    image: settings.image,
    imagePullPolicy: 'IfNotPresent',
    command: ['busybox', 'sh', '-c', literal(program)],
    env: variables,
    securityContext: {
      runAsUser: 0,
      runAsNonRoot: false,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
  });
  return [
    container(
      names.guard,
      scripts.guard,
      env.filter(({ name }) => name !== 'MP_ENVOY_CONFIG'),
    ),
    container(names.point, scripts.point, env),
  ];
}
