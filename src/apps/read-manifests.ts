import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LineCounter, parseAllDocuments } from 'yaml';
import { messageOf } from '../base/errors.ts';
import type { Finding } from '../base/yaml-file.ts';
import type { KubeObject } from '../kube/types.ts';

/** Every object of YAML files, and of the YAML files of folders, in the order given; or what is wrong with them. */
export async function readManifests(paths: readonly string[]): Promise<{ objects: KubeObject[]; findings: Finding[] }> {
  const objects: KubeObject[] = [];
  const findings: Finding[] = [];
  for (const path of paths) {
    const files = await filesOf(path).catch((error: unknown) => {
      findings.push({ file: path, line: 1, column: 1, path: '', message: `cannot be read: ${messageOf(error)}` });
      return [];
    });
    for (const file of files) parse(await readFile(file, 'utf8'), file, objects, findings);
  }
  return { objects, findings };
}

async function filesOf(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => /\.(ya?ml|json)$/.test(name)).sort();
  return names.map((name) => join(path, name));
}

function parse(text: string, file: string, objects: KubeObject[], findings: Finding[]): void {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  for (const document of Array.isArray(documents) ? documents : []) {
    const at = (offset: number): Pick<Finding, 'file' | 'line' | 'column' | 'path'> => {
      const { line, col } = lines.linePos(offset);
      return { file, line, column: col, path: '' };
    };
    const [error] = document.errors;
    if (error !== undefined) {
      findings.push({ ...at(error.pos[0]), message: `not YAML: ${error.message}` });
      continue;
    }
    const value = document.toJS() as Partial<KubeObject> | null;
    if (value === null) continue;
    const start = document.contents?.range?.[0] ?? 0;
    const found = value.kind === 'List' ? ((value['items'] ?? []) as Partial<KubeObject>[]) : [value];
    for (const object of found) {
      const lacks = [
        ...(['apiVersion', 'kind'] as const).filter((field) => typeof object[field] !== 'string'),
        ...(typeof object.metadata?.name === 'string' ? [] : ['metadata.name']),
      ];
      if (lacks.length > 0)
        findings.push({ ...at(start), message: `no Kubernetes object: it has no ${lacks.join(', ')}` });
      else if (belongsToNoNamespace(object as KubeObject))
        findings.push({
          ...at(start),
          message: `${object.kind} belongs to no namespace, and the app is deployed into two: apply it yourself`,
        });
      else objects.push(object as KubeObject);
    }
  }
}

/** Two deployments of an app would share these. */
function belongsToNoNamespace({ kind }: KubeObject): boolean {
  return /^(Cluster|CustomResourceDefinition$|PersistentVolume$|StorageClass$|PriorityClass$|APIService$)|WebhookConfiguration$/.test(
    kind,
  );
}
