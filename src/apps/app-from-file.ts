import { resolve } from 'node:path';
import { MeshproofError } from '../base/errors.ts';
import type { KubeObject } from '../kube/types.ts';
import type { App, AppImage, AppRoute, AppService, DataCall, ImageSource } from './app.ts';
import { factsOf, type ServiceFacts } from './service-facts.ts';
import type { AppFile, CallFile, ImageFile, ServiceFile } from './schema.ts';

/** Where an app file lies, and what can be known of it without its cluster. */
export interface AppPlace {
  file: string;
  folder: string;
  /** Services and workloads: of its manifests, or of the namespace in which it runs. Undefined: not known yet. */
  objects?: readonly KubeObject[] | undefined;
}

/**
 * An app as its file says, with every default filled in.
 *
 * @throws MeshproofError MESHPROOF_APP_INVALID for a service whose port or protocol stands neither in the file nor in a Service
 */
export function appFromFile(file: AppFile, place: AppPlace): App {
  const { folder, objects } = place;
  const services = Object.entries(file.services).map(([name, service]) => serviceOf(name, service, place));
  const open = objects === undefined && Object.values(file.services).some((service) => !isComplete(service));
  return {
    id: file.id,
    title: file.title ?? file.id,
    namespace: file.namespace ?? file.id,
    services,
    edges: services.flatMap(({ name, calls }) => calls.map(({ service }) => ({ source: name, destination: service }))),
    reconnect: file.reconnect,
    change: file.change,
    loadScript: file.load && resolve(folder, file.load.script),
    images: imagesOf(file, folder),
    resolve: open ? (found) => appFromFile(file, { ...place, objects: found }) : undefined,
  };
}

function isComplete({ port, protocol }: ServiceFile): boolean {
  return port !== undefined && protocol !== undefined;
}

function serviceOf(name: string, service: ServiceFile, { file, objects }: AppPlace): AppService {
  const facts: Partial<ServiceFacts> = objects === undefined ? {} : (factsOf(name, objects) ?? {});
  const port = service.port ?? facts.port;
  const protocol = service.protocol ?? (service.call === undefined ? facts.protocol : (facts.protocol ?? 'http'));
  if (objects !== undefined && (port === undefined || protocol === undefined)) {
    throw new MeshproofError(
      'MESHPROOF_APP_INVALID',
      `${file}: services.${name}: ${port === undefined ? 'no port, and no Service of that name' : 'its Service does not tell a protocol'}`,
      'Give `port` and `protocol` in the app file, or name the service as its Kubernetes Service.',
    );
  }
  const call = service.call && dataCall(service.call);
  const alsoCalls = service.also.map(dataCall);
  return {
    name,
    port: port ?? 0,
    containerPort: service.containerPort ?? facts.containerPort ?? port ?? 0,
    protocol: protocol ?? 'tcp',
    selector: service.selector ?? facts.selector ?? { app: name },
    container: service.container ?? facts.container ?? name,
    account: service.account ?? facts.account ?? name,
    call,
    probe: service.probe,
    alsoCalls,
    plant: service.plant,
    routes: Object.entries(service.routes).map(([route, value]) =>
      routeOf(route, value, call === undefined ? alsoCalls : [call, ...alsoCalls]),
    ),
    calls: service.calls.map((each) => (typeof each === 'string' ? { service: each } : each)),
  };
}

export function dataCall({ method, path, headers, body, expect }: CallFile): DataCall {
  const pattern = /^\/(.+)\/$/s.exec(expect.body ?? '')?.[1];
  const isJson = body !== undefined && typeof body !== 'string';
  return {
    method,
    path,
    headers: isJson ? { 'content-type': 'application/json', ...headers } : headers,
    body: isJson ? JSON.stringify(body) : body,
    expectStatus: expect.status,
    expectBody: pattern === undefined ? expect.body : undefined,
    expectPattern: pattern,
    expectJson: expect.json,
  };
}

/** A route in short form takes the first of the service's calls that belongs to it; without one, its own path is asked for. */
export function routeOf(name: string, route: ServiceFile['routes'][string], calls: readonly DataCall[]): AppRoute {
  if (typeof route !== 'string') return { name, pathPrefix: route.pathPrefix, call: dataCall(route.call) };
  const [method = '', pattern = ''] = route.split(' ');
  const pathPrefix = pattern.replace(/\*.*$/, '');
  const call = calls.find((each) => each.method === method && each.path.startsWith(pathPrefix));
  return {
    name,
    pathPrefix,
    call: call ?? { method: method as DataCall['method'], path: pathPrefix, expectStatus: 200 },
  };
}

function imagesOf(file: AppFile, folder: string): AppImage[] {
  const images = file.deploy?.images ?? [];
  if (Array.isArray(images)) return images.map((text) => ({ source: shortSource(text, folder) }));
  return Object.entries(images).map(([name, image]) => ({
    name,
    source: typeof image === 'string' ? shortSource(image, folder) : sourceOf(image, folder),
  }));
}

/** An archive is known by its ending; anything else is a reference. */
function shortSource(text: string, folder: string): ImageSource {
  return isArchive(text) ? { kind: 'archive', file: resolve(folder, text) } : { kind: 'registry', ref: text };
}

export function isArchive(text: string): boolean {
  return /\.(tar|tar\.gz|tgz)$/.test(text);
}

function sourceOf(image: ImageFile, folder: string): ImageSource {
  if (image.archive !== undefined) return { kind: 'archive', file: resolve(folder, image.archive) };
  if (image.registry !== undefined) return { kind: 'registry', ref: image.registry };
  const { args, env, user, nodeOptions } = image;
  const files = Object.fromEntries(Object.entries(image.files).map(([to, from]) => [to, resolve(folder, from)]));
  if (image.node !== undefined)
    return { kind: 'node', main: resolve(folder, image.node), nodeOptions, args, files, env, user };
  if (image.tool !== undefined) return { kind: 'tool', tool: image.tool, args, files, env, user };
  throw new TypeError('an image has exactly one source');
}
