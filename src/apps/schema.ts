import { z } from 'zod';
import { toolNames } from '../tools/tool.ts';

/**
 * The only definition of an app file: types, error messages, the JSON Schema (`docs/app.schema.json`) and the reference
 * (`docs/apps.md`) come from here.
 */

const label = z.string().regex(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/, 'expected lower-case letters, digits and dashes');
const path = z.string().regex(/^\//, 'expected a path that starts with /');
const port = z.number().int().min(1).max(65_535);
const argv = z.array(z.string().min(1)).min(1);
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

const callSchema = z
  .strictObject({
    method: z.enum(methods).default('GET'),
    path: path.describe('Path and query.'),
    headers: z.record(z.string(), z.string()).optional(),
    body: z
      .union([z.string(), z.record(z.string(), z.unknown())])
      .optional()
      .describe('Text, or a mapping that is sent as JSON.'),
    expect: z
      .strictObject({
        status: z.number().int().min(100).max(599).default(200),
        body: z
          .string()
          .min(1)
          .optional()
          .describe('Text that the body holds, or a JavaScript regular expression between slashes: `/basket [0-9]+/`.'),
        json: z
          .unknown()
          .optional()
          .describe('What the body, as JSON, has at least: mappings may have more fields, lists are compared whole.'),
      })
      .prefault({})
      .describe('What an answer must be like to count. Ask for something that only the data behind the service has.'),
  })
  .describe('A request that can be repeated for ever: it changes nothing, or sets what is there already.');

const routeSchema = z.union([
  z
    .string()
    .regex(/^([A-Z]+) (\/\S*)$/, 'expected a method and a path, such as `GET /api/cart/*`')
    .describe('`GET /api/cart/*`: the method, and where paths begin (before the `*`).'),
  z.strictObject({ pathPrefix: path, call: callSchema }),
]);

const serviceSchema = z.strictObject({
  port: port.optional().describe('Of its Kubernetes Service; read from the Service where it is left out.'),
  containerPort: port.optional().describe('On which its container listens; read from the Service, else `port`.'),
  protocol: z
    .enum(['http', 'grpc', 'tcp'])
    .optional()
    .describe('Read from the Service (`appProtocol`, or the first word of the port’s name) where it is left out.'),
  selector: z.record(z.string(), z.string()).optional().describe('Labels of its pods; default: `app: <name>`.'),
  container: z.string().min(1).optional().describe('Its container, for probes and logs; default: its name.'),
  account: z.string().min(1).optional().describe('Its service account, hence its identity; default: its name.'),
  call: callSchema
    .optional()
    .describe('The data call: proves that the service reaches its data. HTTP only, and needed there.'),
  also: z
    .array(callSchema)
    .default([])
    .describe('Further calls, sent in turn with `call` where all of the traffic that the service causes is wanted.'),
  plant: z
    .array(path.refine((text) => text.includes('{token}'), 'expected {token} in the path'))
    .default([])
    .describe('Paths with `{token}` in them: requests that bring the planted token further, e.g. to a database.'),
  probe: argv.optional().describe('For gRPC and TCP: a command in its container that succeeds when the service works.'),
  routes: z
    .record(label, routeSchema)
    .default({})
    .describe('Named routes, to which faults and policies can be limited.'),
  calls: z
    .array(
      z.union([
        label,
        z.strictObject({
          service: label,
          paths: z
            .array(path)
            .min(1)
            .describe('The paths it asks for there; one that ends in `*` stands for all that begin so.'),
        }),
      ]),
    )
    .default([])
    .describe('The services that it calls. Every other call is refused in the mesh.'),
});

const imageSchema = z
  .strictObject({
    archive: z.string().optional().describe('An OCI or Docker archive, e.g. of `docker save`.'),
    registry: z.string().optional().describe('A reference that is pulled on this machine, by crane.'),
    node: z.string().optional().describe('A Node program, in TypeScript or JavaScript: bundled, on meshproof’s Node.'),
    nodeOptions: z.array(z.string()).default([]).describe('With `node`: options of Node itself.'),
    tool: z.enum(toolNames).optional().describe('A program of meshproof’s toolbox.'),
    args: z.array(z.string()).default([]).describe('With `node` or `tool`: arguments of the program.'),
    files: z
      .record(path, z.string())
      .default({})
      .describe('With `node` or `tool`: files and folders to add, by their path in the image.'),
    env: z.record(z.string(), z.string()).default({}).describe('With `node` or `tool`.'),
    user: z.number().int().min(1).default(1000).describe('With `node` or `tool`: uid.'),
  })
  .describe('Exactly one of `archive`, `registry`, `node` and `tool`.');

const deploySchema = z
  .strictObject({
    manifests: z.array(z.string().min(1)).min(1).describe('YAML files, or folders of them.'),
    images: z
      .union([
        z.array(z.string().min(1)).describe('Archives, or references to pull; under the names they have.'),
        z.record(z.string(), z.union([z.string().min(1), imageSchema])),
      ])
      .default([])
      .describe('What the manifests call an image -> where it comes from. Others are the cluster’s to pull.'),
    secrets: z
      .array(z.strictObject({ name: label, keys: z.array(z.string().min(1)).min(1) }))
      .default([])
      .describe(
        'Secrets that are made anew for each deployment: each key gets a random value (letters, digits, - and _).',
      ),
  })
  .describe('Left out: the app runs already, in `namespace`, and meshproof deploys nothing.');

const commandSchema = z.strictObject({ service: label, command: argv });

export const appSchema = z.strictObject({
  id: label,
  title: z.string().min(1).optional().describe('Default: its id.'),
  namespace: label
    .optional()
    .describe('Where it runs in the mesh; its unmeshed twin runs in `<namespace>-plain`. Default: its id.'),
  deploy: deploySchema.optional(),
  services: z
    .record(label, serviceSchema)
    .refine((all) => Object.keys(all).length > 0, 'expected at least one service'),
  reconnect: commandSchema
    .optional()
    .describe(
      'Ends the connections that the services keep (e.g. to a database), so that captures see new ones from their start.',
    ),
  change: z
    .strictObject({ do: commandSchema, undo: commandSchema })
    .optional()
    .describe(
      'Changes one answer on purpose, for a control that must notice it, and takes the change back. `undo` may run twice.',
    ),
  load: z
    .strictObject({ script: z.string().min(1) })
    .optional()
    .describe('A k6 script of your own for the golden signals, see below.'),
});

export type AppFile = z.infer<typeof appSchema>;
export type ServiceFile = z.infer<typeof serviceSchema>;
export type CallFile = z.infer<typeof callSchema>;
export type ImageFile = z.infer<typeof imageSchema>;
