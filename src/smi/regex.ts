/** SMI’s expressions match from the beginning of a path; where a mesh wants all of it matched, the rest is said. */
export function wholePath(pathRegex: string): string {
  if (pathRegex.endsWith('.*') || pathRegex.endsWith('$')) return pathRegex.replace(/\$$/, '');
  return `${pathRegex}.*`;
}

/** The text that an expression is, if it begins with one and leaves the rest open: `/api/` of `/api/.*`; else undefined. */
export function literalPrefix(pathRegex: string): string | undefined {
  const prefix = pathRegex.replace(/^\^/, '').replace(/\.\*$/, '');
  const plain = prefix.replaceAll(/\\([./-])/g, '$1');
  return /[\\^$.|?*+()[\]{}]/.test(prefix.replaceAll(/\\[./-]/g, '')) ? undefined : plain;
}
