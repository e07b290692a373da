import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { MeshproofError, messageOf } from '../base/errors.ts';
import type { Plan } from '../../fixtures/k6/plan.ts';
import { literal } from '../kube/literal.ts';
import type { KubeObject } from '../kube/types.ts';

export const loadContainer = 'k6';
export const workDir = '/meshproof/work';

export interface LoadPodOptions {
  name: string;
  namespace: string;
  /** Service account and `app` label: the identity in the mesh. */
  client: string;
  image: string;
}

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/k6/${name}`, import.meta.url));

/**
 * A k6 script as it goes into the pod: one file, with what it imports (`meshproof/k6` is fixtures/k6/meshproof.ts).
 *
 * @param main the app's own script; default: the plan's requests in turn
 * @throws MeshproofError MESHPROOF_APP_INVALID with esbuild's words
 */
export function k6Script(main = fixture('load.ts')): string {
  try {
    const { outputFiles } = buildSync({
      entryPoints: [main],
      bundle: true,
      write: false,
      format: 'esm',
      target: 'es2022',
      platform: 'neutral',
      external: ['k6', 'k6/*'],
      alias: { 'meshproof/k6': fixture('meshproof.ts') },
      logLevel: 'silent',
    });
    return outputFiles[0]?.text ?? '';
  } catch (error) {
    throw new MeshproofError(
      'MESHPROOF_APP_INVALID',
      `The k6 script ${main} cannot be bundled: ${messageOf(error)}`,
      'It may import k6’s own modules, meshproof/k6, and files beside it.',
    );
  }
}

/** The load container's first process. */
export function loadScript(): string {
  return readFileSync(new URL('load.sh', import.meta.url), 'utf8');
}

/** A load pod as it is outside of any mesh. It knows of no load yet: pods with the same manifest can stand in for one another. */
export function loadPod({ name, namespace, client, image }: LoadPodOptions): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: {
        app: client,
        'app.kubernetes.io/name': client,
        'app.kubernetes.io/managed-by': 'meshproof',
        'meshproof.dev/role': 'load',
      },
    },
    spec: {
      serviceAccountName: client,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 2,
      // Those of one load on as many nodes as there are.
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'kubernetes.io/hostname',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: { 'meshproof.dev/role': 'load', app: client } },
        },
      ],
      containers: [
        {
          name: loadContainer,
          image,
          imagePullPolicy: 'IfNotPresent',
          command: ['busybox', 'sh', '-c', literal(loadScript())],
          env: [{ name: 'MP_WORK', value: workDir }],
          volumeMounts: [{ name: 'work', mountPath: workDir }],
          securityContext: {
            runAsUser: 12345,
            runAsNonRoot: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
      volumes: [{ name: 'work', emptyDir: {} }],
    },
  };
}

/** Where the files of a load are in its pod: each has a folder of its own, so that none is taken for another's. */
export function loadFolder(load: string): string {
  return `${workDir}/${load}`;
}

/**
 * A program for the container's shell that puts a load's script and plan into its folder, and removes what earlier loads
 * left: their files have been read.
 *
 * @param script the app's own k6 script
 */
export function loadFiles(load: string, plan: Plan, script?: string): string {
  const end = `END-OF-${load}`;
  const file = (name: string, text: string): string => `cat > ${load}/${name} <<'${end}'\n${text}\n${end}\n`;
  return [
    `set -e\ncd ${workDir}\nrm -rf load-*\nmkdir ${load}\n`,
    file('load.js', k6Script(script)),
    file('plan.json', JSON.stringify(plan)),
    'exit 0\n',
  ].join('');
}
