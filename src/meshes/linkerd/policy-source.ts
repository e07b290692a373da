import type { PodRef } from '../../kube/types.ts';
import type { Cli } from './cli.ts';
import { readInboundPolicy, type InboundPolicy } from './inbound-policy.ts';
import { hostName } from './names.ts';
import { readOutboundPolicy, type OutboundPolicy } from './outbound-policy.ts';
import { readProfile, type Profile } from './service-profile/profile-answer.ts';

/**
 * What the control plane tells proxies now. A proxy of Linkerd shows no configuration: this is the answer of the API that it asks,
 * in its name.
 */
export class PolicySource {
  readonly #cli: Cli;
  readonly #namespace: string;
  /** What is asked again in one look is not asked twice. */
  readonly #known = new Map<string, Promise<unknown>>();

  constructor(cli: Cli, namespace: string) {
    this.#cli = cli;
    this.#namespace = namespace;
  }

  /** To callers in this namespace: Linkerd knows no others apart. */
  async outbound(service: string, port: number): Promise<OutboundPolicy> {
    return readOutboundPolicy(await this.outboundAnswer(service, port));
  }

  async inbound(pod: Pick<PodRef, 'name'>, port: number): Promise<InboundPolicy> {
    return readInboundPolicy(await this.inboundAnswer(pod, port), this.#namespace);
  }

  /** What a ServiceProfile tells callers in this namespace. */
  async profile(service: string, port: number): Promise<Profile> {
    return readProfile(await this.profileAnswer(service, port));
  }

  profileAnswer(service: string, port: number): Promise<unknown> {
    const token = JSON.stringify({ ns: this.#namespace });
    return this.#ask(['profile', `${hostName(service, this.#namespace)}:${port}`, '--token', token]);
  }

  outboundAnswer(service: string, port: number): Promise<unknown> {
    return this.#policy(`svc/${service}`, port, ['--token', `${this.#namespace}:meshproof`]);
  }

  inboundAnswer({ name }: Pick<PodRef, 'name'>, port: number): Promise<unknown> {
    return this.#policy(`po/${name}`, port);
  }

  #policy(resource: string, port: number, more: readonly string[] = []): Promise<unknown> {
    return this.#ask(['policy', '-n', this.#namespace, '-o', 'json', resource, String(port), ...more]);
  }

  #ask(question: readonly string[]): Promise<unknown> {
    const key = question.join(' ');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const asked = this.#cli(['diagnostics', ...question]).then(({ stdout }) => JSON.parse(stdout) as unknown);
    this.#known.set(key, asked);
    return asked;
  }
}
