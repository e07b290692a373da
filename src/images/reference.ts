/** The registry of a reference, as container runtimes read it: a first part without a dot, a port or `localhost` is a name on Docker Hub. */
export function registryOf(ref: string): string {
  const [first = '', ...rest] = ref.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io';
}

/** A reference without its tag or digest; a registry's port is no tag. */
export function repositoryOf(ref: string): string {
  return ref.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}

/** Whether meshproof put the image together: it is loaded into nodes, and in no registry. */
export function isOwnImage(ref: string): boolean {
  return ref.startsWith(`${ownRegistry}/`);
}

export const ownRegistry = 'meshproof.dev';
