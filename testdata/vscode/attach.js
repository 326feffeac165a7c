// Attaches to a headless Delve as VS Code does: by a configuration of launch.json,
// with VS Code's own client of the Debug Adapter Protocol.
//
//   node attach.js LAUNCH_JSON WORKSPACE FILE:LINE URL
//
// It stops at a line of a local file when URL is requested, steps once, evaluates
// `name`, lets the program go on and leaves. What it saw is printed as JSON on
// stdout, what it does on stderr.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const { DebugClient } = require('@vscode/debugadapter-testsupport');

const retryAfter = 50; // ms, until the program listens

/** configuration is the first one of a launch.json with VS Code's variables filled in. */
function configuration(file, workspace) {
  const text = fs.readFileSync(file, 'utf8').replaceAll('${workspaceFolder}', JSON.stringify(workspace).slice(1, -1));
  const [first] = JSON.parse(text).configurations;
  if (first.type !== 'go' || first.request !== 'attach' || first.mode !== 'remote') {
    throw new Error(`the configuration does not attach to a remote Go program: ${JSON.stringify(first)}`);
  }
  // The client reaches servers on this address alone.
  if (first.host !== '127.0.0.1') {
    throw new Error(`the configuration's host is ${first.host}`);
  }
  return first;
}

/** get requests a page until somebody answers. */
async function get(url) {
  for (;;) {
    try {
      return await getOnce(url);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, retryAfter));
    }
  }
}

function getOnce(url) {
  return new Promise((resolve, reject) => {
    http.get(url, { agent: false }, (response) => {
      let body = '';
      response.on('data', (data) => { body += data; });
      response.on('end', () => resolve(body));
      response.on('error', reject);
    }).on('error', reject);
  });
}

/** innermost is where a stopped thread stands, its path as VS Code would open it. */
async function innermost(client, threadId) {
  const { body } = await client.stackTraceRequest({ threadId, startFrame: 0, levels: 20 });
  const [frame] = body.stackFrames;
  return { id: frame.id, at: { function: frame.name, path: frame.source.path, line: frame.line } };
}

/** say tells what comes next: a wait without an end is found by it. */
const say = (line) => process.stderr.write(`${line}\n`);

async function debug(client, config, file, line, url) {
  const seen = {};
  say('initialize');
  await client.initializeRequest({
    clientID: 'vscode', clientName: 'Visual Studio Code', adapterID: config.type, pathFormat: 'path',
    linesStartAt1: true, columnsStartAt1: true, supportsVariableType: true, supportsRunInTerminalRequest: true, locale: 'en-us',
  });
  say('attach');
  const initialized = client.waitForEvent('initialized');
  const attached = client.attachRequest(config);
  await Promise.all([initialized, attached]);

  say(`set a breakpoint at ${file}:${line}`);
  const { body: { breakpoints } } = await client.setBreakpointsRequest({ source: { path: file }, breakpoints: [{ line }] });
  seen.breakpoint = { verified: breakpoints[0].verified, line: breakpoints[0].line, message: breakpoints[0].message };

  say('configurationDone, request the page');
  const hit = client.waitForEvent('stopped');
  await client.configurationDoneRequest();
  const page = get(url);
  const { body: { reason, threadId } } = await hit;
  seen.reason = reason;
  seen.hit = (await innermost(client, threadId)).at;

  say('next');
  const stepped = client.waitForEvent('stopped');
  await client.nextRequest({ threadId });
  await stepped;
  const { id: frameId, at } = await innermost(client, threadId);
  seen.stepped = at;

  say('evaluate');
  const { body: value } = await client.evaluateRequest({ expression: 'name', frameId, context: 'watch' });
  seen.value = `${value.type} ${value.result}`;

  say('clear the breakpoint, continue');
  await client.setBreakpointsRequest({ source: { path: file }, breakpoints: [] });
  await client.continueRequest({ threadId });
  seen.page = await page;

  say('disconnect');
  client.removeAllListeners('terminated'); // the session's end is wanted now
  await client.disconnectRequest({ terminateDebuggee: false });
  return seen;
}

async function main([launch, workspace, position, url]) {
  const config = configuration(launch, workspace);
  const colon = position.lastIndexOf(':');
  const client = new DebugClient('', '', config.type);
  client.on('terminated', () => { say('the session was ended by the debugger'); process.exit(1); });
  await client.start(config.port);
  const seen = await debug(client, config, position.slice(0, colon), Number(position.slice(colon + 1)), url);
  client.stopAdapter();
  process.stdout.write(`${JSON.stringify(seen, null, 2)}\n`);
}

main(process.argv.slice(2)).catch((error) => {
  say(error.stack);
  process.exit(1);
});
