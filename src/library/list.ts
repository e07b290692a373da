import type { MeshEntry } from '../meshes/define-mesh.ts';

/** One line of a list: what commands and files call it, and what a person reads. */
export interface Row {
  id: string;
  title: string;
  [fact: string]: unknown;
}

/** Each loads what it lists when it is asked for. A new registry is a line here. */
const lists = {
  async meshes() {
    const { meshes } = await import('../meshes/index.ts');
    return Object.values(meshes as Record<string, MeshEntry>).map(
      ({ name, title, proxies, policies, dialects = {} }) => ({
        id: name,
        title,
        proxies,
        policies: Object.keys(policies),
        dialects: Object.keys(dialects),
      }),
    );
  },
  async clusters() {
    const { clusters } = await import('../clusters/index.ts');
    return clusters.map(({ name, title, capabilities }) => ({ id: name, title, capabilities }));
  },
  async faults() {
    const { faults } = await import('../faults/index.ts');
    return faults.map(({ kind, title }) => ({ id: kind, title }));
  },
  async policies() {
    const [{ policies }, { meshes }] = await Promise.all([
      import('../policies/index.ts'),
      import('../meshes/index.ts'),
    ]);
    return policies.map(({ kind, title }) => ({
      id: kind,
      title,
      meshes: Object.values(meshes).flatMap((mesh) => (kind in mesh.policies ? [mesh.name] : [])),
    }));
  },
  async claims() {
    const { claims } = await import('../claims/index.ts');
    return claims.map(({ kind, title }) => ({ id: kind, title }));
  },
  async scenarios() {
    const { catalogue, loadScenarios } = await import('../scenario/load.ts');
    const { scenarios } = await catalogue();
    return Promise.all(
      [...scenarios.values()].sort().map(async (file): Promise<Row> => {
        const [scenario] = await loadScenarios([file]);
        if (scenario === undefined) throw new Error(`${file} has no scenario`);
        const { id, title, experiment, criterion } = scenario;
        return { id, title, experiment, criterion: criterion.id, file };
      }),
    );
  },
  async apps() {
    const { appCatalogue, loadApp } = await import('../apps/load-app.ts');
    const rows = [...(await appCatalogue())].map(async ([id, file]): Promise<Row> => {
      const { title, namespace, services } = await loadApp(file);
      return { id, title, namespace, services: services.map(({ name }) => name), file };
    });
    return Promise.all(rows);
  },
} satisfies Record<string, () => Promise<Row[]>>;

export type ListKind = keyof typeof lists;
export const listKinds = Object.keys(lists) as ListKind[];

/** What scenarios, app files and settings can name: `list('faults')`. */
export function list(kind: ListKind): Promise<Row[]> {
  return lists[kind]();
}
