import type { z } from 'zod';
import { authorize } from './authorize.ts';
import { mtls } from './mtls.ts';
import { outlierDetection } from './outlier-detection.ts';
import { retry } from './retry.ts';
import { timeout } from './timeout.ts';

/** Every kind of policy. A new one is a file of its own and a line here, and a renderer in each mesh that can do it. */
export const policies = [retry, timeout, outlierDetection, authorize, mtls] as const;

/** A policy with all its fields. */
export type Policy = z.output<(typeof policies)[number]['schema']>;
export type PolicyKind = Policy['kind'];
export type PolicyOf<Kind extends PolicyKind> = Extract<Policy, { kind: Kind }>;

/** A policy as a scenario file has it: what has a default may be left out, and the service under test is the one meant. */
export type AskablePolicy = ForSubject<z.input<(typeof policies)[number]['schema']>>;
type ForSubject<Any> = Any extends { service: string } ? Omit<Any, 'service'> & { service?: string } : never;
