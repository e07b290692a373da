import { consulAdapter } from '../../../src/meshes/consul/adapter.ts';
import { consul } from '../../../src/meshes/consul/index.ts';
import { verifies } from './verifies.ts';

verifies({ entry: consul, open: consulAdapter });
