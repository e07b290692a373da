import { istioAdapter } from '../../../src/meshes/istio/adapter.ts';
import { istio } from '../../../src/meshes/istio/index.ts';
import { verifies } from './verifies.ts';

verifies({ entry: istio, open: istioAdapter });
