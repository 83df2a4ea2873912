// Runs a function's handler: it takes events from the Lambda Runtime API and gives back what the handler returns.

import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import stream from "node:stream";
import Module, { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import util from "node:util";

const api = process.env.AWS_LAMBDA_RUNTIME_API;
const task = process.env.LAMBDA_TASK_ROOT;
const layers = process.env._CLOUDLET_LAYERS;
delete process.env._CLOUDLET_LAYERS;
const major = process.versions.node.split(".")[0];
// The modules of layers, and those that are installed for the whole machine.
const places = [`${layers}/nodejs/node${major}/node_modules`, `${layers}/nodejs/node_modules`, `${task}/node_modules`];
places.push("/usr/local/lib/node_modules", "/usr/lib/node_modules", "/usr/share/nodejs");
process.env.NODE_PATH = [process.env.NODE_PATH, ...places].filter(Boolean).join(":");
Module._initPaths();
let requestId = "";

/** One connection, which is kept, and waits for one answer at a time. `node:http` takes three times as long for each call. */
class Connection {
  constructor() {
    const [host, port] = api.split(":");
    this.socket = net.connect({ host, port: Number(port), noDelay: true });
    this.socket.on("data", (piece) => this.receive(piece));
    this.socket.on("error", () => {});
    this.socket.on("close", () => this.reject?.(new Error("The Runtime API has closed the connection")));
    this.begin();
  }

  begin() {
    this.pieces = [];
    this.size = 0;
    this.head = null;
  }

  open(method, place, headers) {
    const lines = Object.entries(headers).map(([name, value]) => field(name, value));
    return `${method} /2018-06-01/runtime${place} HTTP/1.1\r\nHost: ${api}\r\n${lines.join("")}\r\n`;
  }

  write(bytes, done) {
    this.socket.write(bytes, done);
  }

  /** The answer to what was written. While nobody waits for one, the connection does not keep the process alive. */
  answer() {
    this.socket.ref();
    return new Promise((resolve, reject) => ([this.resolve, this.reject] = [resolve, reject]));
  }

  receive(piece) {
    this.pieces.push(piece);
    this.size += piece.length;
    if (this.head === null && !this.readHead()) return;
    if (this.size < this.head.length) return;
    const answer = { ...this.head, body: this.pieces.length === 1 ? this.pieces[0] : Buffer.concat(this.pieces) };
    this.begin();
    this.socket.unref();
    this.resolve?.(answer);
  }

  readHead() {
    const arrived = this.pieces.length === 1 ? this.pieces[0] : Buffer.concat(this.pieces);
    const end = arrived.indexOf("\r\n\r\n");
    this.pieces = [end < 0 ? arrived : arrived.subarray(end + 4)];
    if (end < 0) return false;
    this.size = this.pieces[0].length;
    const [first, ...lines] = arrived.toString("utf8", 0, end).split("\r\n");
    const headers = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    this.head = { status: Number(first.split(" ")[1]), headers, length: Number(headers["content-length"] ?? 0) };
    return true;
  }
}

/** A line of a head or of what follows a body. Names of errors may have any characters. */
function field(name, value) {
  return `${name}: ${String(value).replace(/[^\x20-\x7e]/g, "?")}\r\n`;
}

const connection = new Connection();

function call(method, place, body, headers = {}) {
  const content = Buffer.from(body ?? "");
  const head = connection.open(method, place, { ...headers, "content-length": content.length });
  connection.write(content.length === 0 ? head : Buffer.concat([Buffer.from(head), content]));
  return connection.answer();
}

/** One line of a log: the line feeds of a message are carriage returns in it. */
const jsonLogs = process.env.AWS_LAMBDA_LOG_FORMAT === "JSON";
const levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const least = jsonLogs ? Math.max(levels.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL ?? "INFO"), 0) : 0;

function say(level, text, values) {
  if (jsonLogs) {
    if (levels.indexOf(level) < least) return;
    const [only] = values ?? [];
    const message = values?.length === 1 && typeof only === "object" && only !== null && !(only instanceof Error) ? only : text;
    const document = { timestamp: new Date().toISOString(), level, requestId: requestId || undefined, message };
    const error = values?.find((value) => value instanceof Error);
    if (error) Object.assign(document, { errorType: error.name, errorMessage: error.message, stackTrace: (error.stack || "").split("\n") });
    process.stdout.write(JSON.stringify(document) + "\n");
    return;
  }
  const line = [new Date().toISOString(), requestId || "undefined", level, text].join("\t");
  process.stdout.write(line.replace(/\n/g, "\r") + "\n");
}

for (const [name, level] of [["log", "INFO"], ["info", "INFO"], ["warn", "WARN"], ["error", "ERROR"], ["debug", "DEBUG"], ["trace", "TRACE"]]) {
  console[name] = (...all) => say(level, util.format(...all), all);
}

/** What a handler writes its answer to, bit by bit. */
class ResponseStream extends stream.Writable {
  constructor(id) {
    super();
    this.id = id;
    this.kind = "application/octet-stream";
    this.answered = null;
  }

  setContentType(kind) {
    this.kind = kind;
  }

  open() {
    if (this.answered) return;
    const headers = {
      "content-type": this.kind,
      "lambda-runtime-function-response-mode": "streaming",
      "transfer-encoding": "chunked",
      trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
    };
    connection.write(connection.open("POST", `/invocation/${this.id}/response`, headers));
    this.answered = connection.answer();
    // Whoever waits for it waits once the handler is done.
    this.answered.catch(() => {});
  }

  _write(piece, encoding, done) {
    this.open();
    if (piece.length === 0) return done();
    connection.write(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]), done);
  }

  _final(done) {
    this.open();
    connection.write("0\r\n\r\n", done);
  }

  /** An error after the first bytes follows them. */
  fail(document) {
    const body = Buffer.from(JSON.stringify(document)).toString("base64");
    const kind = field("Lambda-Runtime-Function-Error-Type", document.errorType);
    connection.write(`0\r\n${kind}${field("Lambda-Runtime-Function-Error-Body", body)}\r\n`);
  }
}

const STREAMS = Symbol.for("aws.lambda.runtime.handler.streaming");
globalThis.awslambda = {
  streamifyResponse(handler) {
    handler[STREAMS] = "response";
    return handler;
  },
  HttpResponseStream: {
    from(responseStream, prelude) {
      responseStream.setContentType("application/vnd.awslambda.http-integration-response");
      responseStream.write(JSON.stringify(prelude ?? {}));
      responseStream.write(new Uint8Array(8));
      return responseStream;
    },
  },
};

class Missing extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

async function load(file) {
  for (const ending of ["", ".js", ".mjs", ".cjs"]) {
    const full = file + ending;
    if (!fs.existsSync(full) || !fs.statSync(full).isFile()) continue;
    if (ending === ".mjs") return import(pathToFileURL(full).href);
    try {
      return createRequire(pathToFileURL(full))(full);
    } catch (error) {
      if (error.code !== "ERR_REQUIRE_ESM" && error.code !== "ERR_REQUIRE_ASYNC_MODULE") throw error;
      return import(pathToFileURL(full).href);
    }
  }
  const name = path.basename(file);
  throw new Missing("Runtime.ImportModuleError", `Error: Cannot find module '${name}'\nRequire stack:\n- /var/runtime/index.mjs`);
}

async function find(text) {
  if (text.includes("..")) throw new Missing("Runtime.MalformedHandlerName", `'${text}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  const base = path.basename(text);
  const parts = base.match(/^([^.]*)\.(.*)$/);
  if (!parts) throw new Missing("Runtime.MalformedHandlerName", "Bad handler");
  const [, file, names] = parts;
  let found = await load(path.resolve(task, path.dirname(text), file));
  for (const name of names.split(".")) found = found?.[name] ?? found?.default?.[name];
  if (found === undefined) throw new Missing("Runtime.HandlerNotFound", `${text} is undefined or not exported`);
  if (typeof found !== "function") throw new Missing("Runtime.HandlerNotFound", `${text} is not a function`);
  return found;
}

function fault(error) {
  if (!(error instanceof Error)) {
    return { errorType: typeof error, errorMessage: typeof error === "string" ? error : util.inspect(error), trace: [] };
  }
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack || "").split("\n") };
}

/** Writes an error to the log, and gives it as a document. */
function sayFault(error, kind) {
  const document = fault(error);
  const shown = { ...document, ...(error instanceof Error ? Object.fromEntries(Object.entries(error)) : {}), stack: document.trace };
  delete shown.trace;
  say("ERROR", `${kind} \t${JSON.stringify(shown)}`);
  return document;
}

async function fail(place, error, kind) {
  const document = sayFault(error, kind);
  await call("POST", place, JSON.stringify(document), {
    "content-type": "application/json",
    "lambda-runtime-function-error-type": document.errorType,
  });
}

function contextOf(headers, done) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const parsed = (text) => (text ? JSON.parse(text) : undefined);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed(headers["lambda-runtime-client-context"]),
    identity: parsed(headers["lambda-runtime-cognito-identity"]),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
    done: (error, value) => done(error, value),
    succeed: (value) => done(null, value),
    fail: (error) => done(error ?? "handled", undefined),
  };
}

/** What the handler gives: by its promise, or by its callback. */
function run(handler, event, headers) {
  return new Promise((resolve, reject) => {
    const done = (error, value) => (error === null || error === undefined ? resolve(value) : reject(error));
    const context = contextOf(headers, done);
    try {
      const given = handler(event, context, done);
      if (given && typeof given.then === "function") given.then(resolve, reject);
      else if (handler.length < 3 && given !== undefined) resolve(given);
      else if (handler.length < 2) resolve(given);
      // A handler that neither returns nor calls back ends with the event loop, by null.
      else process.once("beforeExit", () => resolve(null));
    } catch (error) {
      reject(error);
    }
  });
}

let failing = null;
function uncaught(error, kind) {
  if (failing) return;
  if (handler !== undefined && !requestId) {
    // No event can be told of it: the connection waits for the next one.
    sayFault(error, kind);
    process.exit(129);
  }
  failing = fail(requestId ? `/invocation/${requestId}/error` : "/init/error", error, kind).finally(() => process.exit(129));
}
process.on("uncaughtException", (error) => uncaught(error, "Uncaught Exception"));
process.on("unhandledRejection", (reason) => {
  const error = new Error(reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason));
  error.name = "Runtime.UnhandledPromiseRejection";
  uncaught(error, "Unhandled Promise Rejection");
});

let handler;
try {
  handler = await find(process.env._HANDLER);
} catch (error) {
  const wrapped = error instanceof SyntaxError ? new Missing("Runtime.UserCodeSyntaxError", `SyntaxError: ${error.message}`) : error;
  await fail("/init/error", wrapped, "Uncaught Exception");
  process.exit(1);
}

for (;;) {
  requestId = "";
  const next = await call("GET", "/invocation/next");
  if (next.status !== 200) process.exit(1);
  requestId = next.headers["lambda-runtime-aws-request-id"];
  if (next.headers["lambda-runtime-trace-id"]) process.env._X_AMZN_TRACE_ID = next.headers["lambda-runtime-trace-id"];
  const place = `/invocation/${requestId}`;
  if (handler[STREAMS]) {
    const responseStream = new ResponseStream(requestId);
    try {
      await handler(JSON.parse(next.body.toString("utf8")), responseStream, contextOf(next.headers, () => {}));
      if (!responseStream.writableEnded) responseStream.end();
      responseStream.open();
      await responseStream.answered;
    } catch (error) {
      if (responseStream.answered === null) {
        await fail(`${place}/error`, error, "Invoke Error");
      } else {
        responseStream.fail(fault(error));
        await responseStream.answered;
      }
    }
    continue;
  }
  try {
    const value = await run(handler, JSON.parse(next.body.toString("utf8")), next.headers);
    await call("POST", `${place}/response`, JSON.stringify(value === undefined ? null : value) ?? "null", { "content-type": "application/json" });
  } catch (error) {
    await fail(`${place}/error`, error, "Invoke Error");
  }
}
