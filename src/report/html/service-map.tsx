import { short, shortQuantile } from '../signal-text.ts';
import type { RunReport } from '../model.ts';
import { serviceMap, type Lock, type MapEdge, type MapNode } from './map-layout.ts';
import { shareText } from './words.ts';

const [nodeWidth, nodeHeight, columnGap, rowGap, margin] = [112, 40, 226, 78, 10];

function x(node: MapNode): number {
  return margin + node.layer * (nodeWidth + columnGap);
}

function y({ row }: { row: number }): number {
  return margin + 8 + row * rowGap + (rowGap - nodeHeight) / 2;
}

/** Services as boxes, calls as lines: a lock says what the wire showed, the figures are the caller's golden signals. */
export function ServiceMapSection({ report }: { report: RunReport }) {
  const map = serviceMap(report);
  if (map.edges.length === 0) return null;
  const width = margin * 2 + map.layers * nodeWidth + (map.layers - 1) * columnGap;
  const height = margin * 2 + 16 + map.rows * rowGap;
  const node = (name: string): MapNode => map.nodes.find((candidate) => candidate.name === name)!;
  return (
    <section id="map">
      <h2>Service map</h2>
      <p class="lead">
        Who calls whom, what the wire showed, and requests per second, success and p99 as the caller's proxy counted
        them.
      </p>
      <div class="scroll" tabindex={0} role="region" aria-label="Service map">
        <svg
          class="map"
          viewBox={`0 0 ${width} ${height}`}
          style={`min-width:${Math.min(width, 900)}px;max-width:${width * 1.15}px`}
          role="img"
          aria-label="Map of services and their calls"
        >
          {map.edges.map((edge) => (
            <path
              key={`${edge.source} ${edge.destination}`}
              class={`edge ${edge.lock}`}
              d={curve(node(edge.source), node(edge.destination), edge.passesAt)}
            />
          ))}
          {map.edges.map((edge) => (
            <EdgeLabel
              key={`${edge.source} ${edge.destination}`}
              edge={edge}
              from={node(edge.source)}
              edges={map.edges}
              to={node(edge.destination)}
            />
          ))}
          {map.nodes.map((each) => (
            <g key={each.name} class="node">
              <rect x={x(each)} y={y(each)} width={nodeWidth} height={nodeHeight} rx={8} />
              <text x={x(each) + nodeWidth / 2} y={y(each) + nodeHeight / 2 + 5} text-anchor="middle">
                {each.name.length > 15 ? `${each.name.slice(0, 14)}…` : each.name}
              </text>
            </g>
          ))}
        </svg>
      </div>
      <p class="legend">
        <span>
          <LockMark lock="locked" /> mutual TLS proven from packets
        </span>
        <span>
          <LockMark lock="open" /> plaintext seen
        </span>
        <span>
          <LockMark lock="partial" /> captured, not proven
        </span>
        <span>
          <LockMark lock="unseen" /> not captured
        </span>
      </p>
    </section>
  );
}

function ends(from: MapNode, to: MapNode): { x1: number; y1: number; x2: number; y2: number } {
  return { x1: x(from) + nodeWidth, y1: y(from) + nodeHeight / 2, x2: x(to), y2: y(to) + nodeHeight / 2 };
}

/** A call past other layers moves to its row in the first gap, runs level between the boxes, and turns to its end in the last gap. */
function curve(from: MapNode, to: MapNode, passesAt?: number): string {
  const { x1, y1, x2, y2 } = ends(from, to);
  const bend = (ax: number, ay: number, bx: number, by: number): string => {
    const middle = (ax + bx) / 2;
    return `C${middle} ${ay} ${middle} ${by} ${bx} ${by}`;
  };
  if (passesAt === undefined) return `M${x1} ${y1}${bend(x1, y1, x2 - 2, y2)}L${x2 - 2} ${y2}`;
  const level = y({ row: passesAt }) + nodeHeight / 2;
  const [turn, end] = [x1 + columnGap, x2 - columnGap];
  return `M${x1} ${y1}${bend(x1, y1, turn, level)}L${end} ${level}${bend(end, level, x2 - 2, y2)}`;
}

/** On the curve, towards the end where this edge is most alone: a fan is labelled at its tips. */
function EdgeLabel({
  edge,
  from,
  to,
  edges,
}: {
  edge: MapEdge;
  from: MapNode;
  to: MapNode;
  edges: readonly MapEdge[];
}) {
  const { x1, y1, x2, y2 } = ends(from, to);
  const out = edges.filter(({ source }) => source === edge.source).length;
  const into = edges.filter(({ destination }) => destination === edge.destination).length;
  const t = out === into ? 0.5 : out > into ? 0.6 : 0.4;
  const along = 1.5 * t * (1 - t) ** 2 + 1.5 * t ** 2 * (1 - t) + t ** 3;
  const middle =
    edge.passesAt !== undefined
      ? { x: x1 + columnGap + nodeWidth / 2, y: y({ row: edge.passesAt }) + nodeHeight / 2 }
      : { x: Math.round(x1 + (x2 - x1) * along), y: Math.round(y1 + (y2 - y1) * (3 * t ** 2 - 2 * t ** 3)) };
  const { signals } = edge;
  const figures =
    signals === undefined
      ? edge.wire
      : signals.protocol === 'tcp'
        ? `TCP · ${edge.wire}`
        : `${short(signals.rps)}/s · ${shareText(signals.successRate)} · ${shortQuantile(signals, 'p99')}`;
  const half = Math.round(figures.length * 3.25) + 17;
  return (
    <g class={`edge-label ${edge.lock}`} transform={`translate(${middle.x} ${middle.y})`}>
      <title>{`${edge.source} -> ${edge.destination}: ${edge.wire}`}</title>
      <rect x={-half} y={-11} width={half * 2} height={22} rx={11} />
      <g transform={`translate(${-half + 6} -7) scale(0.875)`}>
        <LockPath lock={edge.lock} />
      </g>
      <text x={10} y={4} text-anchor="middle">
        {figures}
      </text>
    </g>
  );
}

function LockPath({ lock }: { lock: Lock }) {
  if (lock === 'unseen') return <circle class="lock" cx="8" cy="8" r="3" />;
  const shackle = lock === 'open' ? 'M5 7V4.6a3 3 0 0 1 5.8-1' : 'M5 7V5a3 3 0 0 1 6 0v2';
  return (
    <g class="lock">
      <path d={shackle} fill="none" stroke-width="1.8" stroke-linecap="round" />
      <rect x="3" y="7" width="10" height="7" rx="1.5" class={lock === 'partial' ? 'hollow' : 'full'} />
    </g>
  );
}

export function LockMark({ lock }: { lock: Lock }) {
  return (
    <svg class={`icon edge-label ${lock}`} viewBox="0 0 16 16" aria-hidden="true">
      <LockPath lock={lock} />
    </svg>
  );
}
