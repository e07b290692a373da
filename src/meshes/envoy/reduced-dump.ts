/* eslint-disable @typescript-eslint/no-explicit-any -- Envoy's own JSON */
type Json = any;

/** The bootstrap names the token of the control plane; secrets and endpoints are of no use to a reader. */
const dropped = /\.(BootstrapConfigDump|SecretsConfigDump|EcdsConfigDump)$/;
/** Certificates, their keys, and credentials for other services. */
const hidden = new Set(['private_key', 'password', 'initial_metadata', 'inline_bytes']);
/** PEM texts: long, the same in every cluster, and in /certs by their names. */
const long = new Set(['certificate_chain', 'trusted_ca']);

/** `/config_dump` without secrets, and without what makes it long: a few dozen kB instead of some hundred. */
export function reducedDump(dump: Json): object {
  const configs = (dump?.configs ?? []).filter((config: Json) => !dropped.test(config?.['@type'] ?? ''));
  return { configs: configs.map(reduce) };
}

function reduce(value: Json): Json {
  if (Array.isArray(value)) return value.map(reduce);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'last_updated' && key !== 'version_info')
      .map(([key, each]) => [key, hidden.has(key) ? '[secret]' : long.has(key) ? '[certificate]' : reduce(each)]),
  );
}
