import { expect } from 'chai';
import type { HttpExchange } from '../../../../src/observe/capture/http1/conversation.ts';
import { HttpExchanges } from '../../../../src/observe/capture/http1/exchanges.ts';
import { readPcap } from '../../../../src/observe/capture/pcap-reader.ts';
import { tcpFlags } from '../../../../src/observe/capture/tcp-segment.ts';
import { chunksOf, openingFrames, pcapOf, tcpFrame } from './support.ts';

const port = 8080;
const ends = { clientPort: 40_000, serverPort: port };

/** A connection said word by word; `|` in a word: the packet ends there. Packets are a microsecond apart. */
class Talk {
  readonly frames: Buffer[] = [];
  readonly #next = { client: 1001, server: 2001 };

  constructor({ opened = true } = {}) {
    if (opened) this.frames.push(...openingFrames(1000, 2000, ends));
  }

  client(text: string): this {
    return this.#say('client', text);
  }

  server(text: string): this {
    return this.#say('server', text);
  }

  /** Sent, and not captured. */
  lost(from: 'client' | 'server', bytes: number): this {
    this.#next[from] += bytes;
    return this;
  }

  end(from: 'client' | 'server', flags: number): this {
    this.frames.push(tcpFrame({ ...ends, from, sequence: this.#next[from], flags }));
    return this;
  }

  #say(from: 'client' | 'server', text: string): this {
    for (const part of text.split('|')) {
      const payload = Buffer.from(part);
      this.frames.push(tcpFrame({ ...ends, from, sequence: this.#next[from], payload }));
      this.#next[from] += payload.length;
    }
    return this;
  }
}

async function read(talk: Talk, at = port): Promise<{ seen: HttpExchange[]; foreign: number }> {
  const seen: HttpExchange[] = [];
  const exchanges = new HttpExchanges(at, (exchange) => seen.push(exchange));
  await readPcap(chunksOf(pcapOf(talk.frames), 300), { onPacket: (packet) => exchanges.packet(packet) });
  return { seen, foreign: exchanges.foreign };
}

const get = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\nHost: trips\r\n${headers}\r\n`;
const answer = (status: number, body = ''): string =>
  `HTTP/1.1 ${status} Whatever\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const said = ({ seen }: { seen: HttpExchange[] }) =>
  seen.map(({ method, path, status }) => `${method} ${path} ${status ?? 'none'}`);

describe('HTTP/1 requests of a capture', () => {
  it('have their answers, their headers, and the time between', async () => {
    const { seen } = await read(new Talk().client(get('/api/trips?a=1', 'X-Who: me\r\n')).server(answer(200, 'ok')));
    expect(seen).to.have.length(1);
    const [exchange] = seen;
    expect(exchange).to.include({ method: 'GET', path: '/api/trips?a=1', status: 200 });
    expect(exchange!.headers.get('x-who')).to.equal('me');
    expect(exchange!.latencyMs).to.be.closeTo(0.001, 0.0005);
    expect(exchange!.atMs).to.be.closeTo(1_700_000_000_000, 1);
  });

  it('are told apart on one connection, whatever their bodies say', async () => {
    const trap = 'HTTP/1.1 500 Trap\r\n\r\nGET /trap HTTP/1.1\r\n\r\n';
    const chunks = `HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n${trap.length.toString(16)};x=1\r\n${trap}\r\n0\r\nX-Late: 1\r\n\r\n`;
    const post = `POST /b HTTP/1.1\r\nContent-Length: ${trap.length}\r\n\r\n${trap}`;
    const talk = new Talk()
      .client(get('/a'))
      .server(answer(200, trap))
      .client(post)
      .server(chunks)
      .client('HEAD /c HTTP/1.1\r\n\r\n')
      .server('HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n')
      .client(get('/d'))
      .server('HTTP/1.1 304 Not Modified\r\nContent-Length: 999\r\n\r\n')
      .client(get('/e'))
      .server('HTTP/1.1 100 Continue\r\n\r\n')
      .server(answer(204));
    expect(said(await read(talk))).to.deep.equal([
      'GET /a 200',
      'POST /b 201',
      'HEAD /c 200',
      'GET /d 304',
      'GET /e 204',
    ]);
  });

  it('may be cut between packets anywhere', async () => {
    const header = `X-Forwarded-Client-Cert: ${'c'.repeat(9000)}\r\n`;
    const request = get('/a', header);
    const cut = [...request].map((letter, at) => (at % 1000 === 999 ? `${letter}|` : letter)).join('');
    const { seen } = await read(new Talk().client(cut).server('HTT|P/1.1 20|0 OK\r|\nContent-Le|ngth: 0\r\n\r|\n'));
    expect(said({ seen })).to.deep.equal(['GET /a 200']);
    expect(seen[0]!.headers.get('x-forwarded-client-cert')).to.have.length(9000);
  });

  it('of a connection that was there before: what was asked unseen is not taken for what came later', async () => {
    const talk = new Talk({ opened: false })
      .server(answer(500, 'to a request that nobody saw'))
      .client(get('/a'))
      .server(answer(200));
    expect(said(await read(talk))).to.deep.equal(['GET /a 200']);
    const inBody = new Talk({ opened: false }).client('half a body').client(get('/b')).server(answer(404));
    expect(said(await read(inBody))).to.deep.equal(['GET /b 404']);
  });

  it('without an answer say so when the connection ends', async () => {
    const cut = new Talk().client(get('/slow')).end('client', tcpFlags.fin).end('server', tcpFlags.fin);
    expect(said(await read(cut))).to.deep.equal(['GET /slow none']);
    const half = new Talk().client(get('/half')).end('client', tcpFlags.fin).server(answer(200));
    expect(said(await read(half)), 'it asks no more, and waits').to.deep.equal(['GET /half 200']);
    expect(said(await read(new Talk().client(get('/gone')).end('server', tcpFlags.rst)))).to.deep.equal([
      'GET /gone none',
    ]);
    const answered = new Talk().client(get('/a')).server(answer(200)).end('server', tcpFlags.fin);
    expect(said(await read(answered))).to.deep.equal(['GET /a 200']);
  });

  it('are found again behind a gap, and nobody gets the answer of another', async () => {
    const lostAnswer = new Talk().client(get('/a')).lost('server', 70_000).server('rest of it');
    for (let at = 0; at < 70; at++) lostAnswer.server('x'.repeat(1400));
    lostAnswer.client(get('/b')).server(answer(503));
    expect(said(await read(lostAnswer))).to.deep.equal(['GET /b 503']);
  });

  it('are none on another port, and none in HTTP/2: that is counted', async () => {
    expect((await read(new Talk().client(get('/a')).server(answer(200)), 9090)).seen).to.deep.equal([]);
    const frames = new Talk().client('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    for (let at = 0; at < 10; at++) frames.client('\u0000\u0000\u0004\u0001').server('\u0000\u0000\u0004\u0001');
    const { seen, foreign } = await read(frames);
    expect(seen).to.deep.equal([]);
    expect(foreign).to.equal(1);
    expect((await read(new Talk().client(get('/a')).server(answer(200)))).foreign).to.equal(0);
  });
});
