import type { Json } from '../../../base/json.ts';
import { getIfThere } from '../../../kube/get-if-there.ts';
import type { KubeClient } from '../../../kube/types.ts';
import { toObject, type Content } from '../resources.ts';
import { profileBefore, without } from './profile-resource.ts';

/** What the user says of a ServiceProfile beside its spec stays as it is. */
export async function writeProfile(
  kube: KubeClient,
  path: string,
  { name, namespace, content }: { name: string; namespace: string; content: Content | null },
): Promise<void> {
  const there = await getIfThere(kube, path);
  if (content === null) return there && kube.delete(path);
  if (there === undefined) {
    await kube.create(toObject({ kind: 'ServiceProfile', name, content }, namespace));
    return;
  }
  const others = without(there.metadata.annotations ?? {}, profileBefore);
  const fields: Record<string, Json> = {
    '/spec': content.spec ?? {},
    '/metadata/annotations': { ...others, ...content.annotations },
  };
  // `add` on a field that is there replaces it.
  const operations = Object.entries(fields).map(([field, value]) => ({ op: 'add', path: field, value }));
  await kube.patch(path, operations, 'json');
}
