import { basename } from 'node:path';

export interface Checksum {
  algorithm: 'sha256' | 'sha512';
  hex: string;
}

/**
 * Finds a file's sum in a publisher's checksum file: `sha256sum` output (also binary mode `*name`, paths, PGP
 * clear-signed) or a file that holds nothing but the sum. Undefined if the file is not listed.
 */
export function findChecksum(text: string, fileName: string): Checksum | undefined {
  const lines = text.split(/\r?\n/);
  for (const line of lines) {
    const match = /^([0-9a-fA-F]{64}|[0-9a-fA-F]{128})\s+\*?(\S+)\s*$/.exec(line);
    if (match?.[1] && match[2] && basename(match[2]) === fileName) return sum(match[1]);
  }
  const bare = /^\s*([0-9a-fA-F]{64}|[0-9a-fA-F]{128})\s*$/.exec(text);
  return bare?.[1] === undefined ? undefined : sum(bare[1]);
}

function sum(hex: string): Checksum {
  return { algorithm: hex.length === 64 ? 'sha256' : 'sha512', hex: hex.toLowerCase() };
}
