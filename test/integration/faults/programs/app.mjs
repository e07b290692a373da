// The app of the pod: answers with what it was sent, so that a test sees what a fault point changes.
import http from 'node:http';

const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => {
    response.setHeader('server', 'the-app');
    response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
  });
});
server.listen(8080, '127.0.0.1', () => process.stdout.write('ready\n'));
