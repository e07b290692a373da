import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { suggest, type Report } from '../base/yaml-file.ts';
import { dataCall, isArchive } from './app-from-file.ts';
import type { AppFile } from './schema.ts';

/** What services say of one another, and of their own calls. */
export function checkServices({ services, reconnect, change }: AppFile, report: Report): void {
  const names = Object.keys(services);
  const known = (service: string, path: (string | number)[]): void => {
    if (!names.includes(service)) report(path, `there is no service \`${service}\`${suggest(service, names)}`);
  };
  for (const [name, service] of Object.entries(services)) {
    const at = ['services', name];
    service.calls.forEach((call, index) => {
      if (typeof call === 'string') known(call, [...at, 'calls', index]);
      else known(call.service, [...at, 'calls', index, 'service']);
    });
    const { protocol, call } = service;
    if (protocol === 'http' && call === undefined)
      report([...at, 'protocol'], 'an HTTP service needs a `call`: a request that proves that it reaches its data');
    if ((protocol === 'tcp' || protocol === 'grpc') && call !== undefined)
      report([...at, 'call'], `calls are HTTP, and this service is ${protocol}; give a \`probe\``);
    for (const [index, each] of [...(call === undefined ? [] : [call]), ...service.also].entries()) {
      const where =
        call === undefined ? [...at, 'also', index] : index === 0 ? [...at, 'call'] : [...at, 'also', index - 1];
      checkPattern(dataCall(each).expectPattern, [...where, 'expect', 'body'], report);
    }
    for (const [route, value] of Object.entries(service.routes)) {
      if (typeof value !== 'string') {
        checkPattern(dataCall(value.call).expectPattern, [...at, 'routes', route, 'call', 'expect', 'body'], report);
        continue;
      }
      const [method = '', pattern = ''] = value.split(' ');
      const prefix = pattern.replace(/\*.*$/, '');
      const calls = [...(call === undefined ? [] : [call]), ...service.also];
      if (pattern.includes('*') && !calls.some((each) => each.method === method && each.path.startsWith(prefix)))
        report(
          [...at, 'routes', route],
          `no \`call\` of ${name} belongs to ${value}: give it one, or use { pathPrefix, call }`,
        );
    }
  }
  if (reconnect) known(reconnect.service, ['reconnect', 'service']);
  for (const step of ['do', 'undo'] as const) if (change) known(change[step].service, ['change', step, 'service']);
}

function checkPattern(pattern: string | undefined, path: (string | number)[], report: Report): void {
  if (pattern === undefined) return;
  try {
    new RegExp(pattern);
  } catch (error) {
    report(path, (error as Error).message);
  }
}

/** Files that it names, which must be beside it. */
export function checkFiles({ deploy, load }: AppFile, folder: string, report: Report): void {
  const exists = (path: string, at: (string | number)[]): void => {
    if (!existsSync(resolve(folder, path))) report(at, `there is no ${path} beside this file`);
  };
  if (load) exists(load.script, ['load', 'script']);
  deploy?.manifests.forEach((path, index) => exists(path, ['deploy', 'manifests', index]));
  const images = deploy?.images ?? [];
  for (const [name, image] of Object.entries(images)) {
    const at = ['deploy', 'images', Array.isArray(images) ? Number(name) : name];
    if (typeof image === 'string') {
      if (isArchive(image)) exists(image, at);
      continue;
    }
    const sources = (['archive', 'registry', 'node', 'tool'] as const).filter((key) => image[key] !== undefined);
    if (sources.length !== 1) {
      report(at, `expected exactly one of archive, registry, node, tool; got ${sources.join(' and ') || 'none'}`);
      continue;
    }
    if (image.archive !== undefined) exists(image.archive, [...at, 'archive']);
    if (image.node !== undefined) exists(image.node, [...at, 'node']);
    for (const [to, from] of Object.entries(image.files)) exists(from, [...at, 'files', to]);
  }
}
