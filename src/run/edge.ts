/** A caller and a callee, by service name. */
export interface Edge {
  source: string;
  destination: string;
}
