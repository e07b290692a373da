// The sidecar of the pod: another uid that calls the app over loopback and keeps its connections, on commands from standard input.
import http from 'node:http';
import readline from 'node:readline';

process.setgid(1337);
process.setuid(1337);
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

function call({ id, path, timeoutMs }) {
  return new Promise((resolve) => {
    const headers = { 'x-meshproof-request-id': id, 'x-forwarded-client-cert': 'URI=spiffe://test/caller' };
    const request = http.get({ host: '127.0.0.1', port: 8080, path, agent, headers }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ id, status: response.statusCode, headers: response.headers, body }));
    });
    if (timeoutMs) request.setTimeout(timeoutMs, () => request.destroy(new Error('timeout')));
    request.on('error', (error) => resolve({ id, status: 0, error: error.message }));
  });
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { count, path, prefix, timeoutMs, parallel } = JSON.parse(line);
  const answers = [];
  let next = 0;
  const worker = async () => {
    while (next < count) answers.push(await call({ id: `${prefix}-${next++}`, path, timeoutMs }));
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  process.stdout.write(`${JSON.stringify(answers)}\n`);
}
agent.destroy();
