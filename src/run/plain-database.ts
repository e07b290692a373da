import { seedIds } from '../../fixtures/tripinsights/seed/data.ts';
import { MeshproofError } from '../base/errors.ts';
import type { RunContext } from './context.ts';
import type { Lab } from '../lab/lab.ts';

/** Runs a statement in a namespace's PostgreSQL; undefined when there is none any more. */
async function psql(lab: Lab, namespace: string, statement: string): Promise<string | undefined> {
  const [pod] = await lab.readyPods('postgres', namespace);
  if (pod === undefined) return undefined;
  const { exitCode, stdout, stderr } = await lab.kube.exec(
    pod,
    ['sh', '-c', 'psql -v ON_ERROR_STOP=1 -h "$SOCKET_DIR" -U postgres -d "$SQL_DBNAME" -c "$0"', statement],
    { container: 'postgres', timeoutMs: 20_000 },
  );
  if (exitCode !== 0) {
    throw new MeshproofError(
      'MESHPROOF_WORKLOAD_NOT_READY',
      `psql in ${namespace}/${pod.name} failed: ${(stderr || stdout).trim()}`,
      'Look at the log of the postgres pod.',
    );
  }
  return stdout;
}

/** Ends every connection of the services to their database: they open new ones, which a running capture sees from the start. */
export async function reconnectClients(lab: Lab, namespace: string): Promise<void> {
  await psql(
    lab,
    namespace,
    'SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE client_addr IS NOT NULL',
  );
}

export interface ChangedRow extends AsyncDisposable {
  restore(): Promise<void>;
}

/** Lengthens one user's first name in the unmeshed database, for a control that must notice; put back on disposal. */
export async function changeOneRow(context: RunContext): Promise<ChangedRow> {
  const { lab, undo } = context;
  const namespace = lab.namespaces.plain;
  const update = async (expression: string): Promise<void> => {
    const said = await psql(
      lab,
      namespace,
      `UPDATE "UserProfiles" SET "FirstName" = ${expression} WHERE "Id" = '${seedIds.user}'`,
    );
    if (said !== undefined && !said.includes('UPDATE 1')) {
      throw new MeshproofError(
        'MESHPROOF_WORKLOAD_NOT_READY',
        `psql in ${namespace} changed no row: ${said.trim()}`,
        'Is the seed loaded?',
      );
    }
  };
  let changed = false;
  const entry = await undo.register('one changed row in the unmeshed database', async () => {
    if (changed) await update(`left("FirstName", -1)`);
  });
  await update(`"FirstName" || 'x'`);
  changed = true;
  return { restore: () => entry.run(), [Symbol.asyncDispose]: () => entry.run() };
}
