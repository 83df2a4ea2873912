// A client of Session Manager from npm, `ssm-session`, in a shell on the server's own node. It resends nothing, and marks its frames otherwise
// than AWS's plugin does.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { SSMClient, StartSessionCommand, TerminateSessionCommand } from "@aws-sdk/client-ssm";
import sessions from "ssm-session";
import WebSocket from "ws";
import { settings, start } from "./server.js";

const { ssm: client } = sessions;

describe("Session Manager with ssm-session", () => {
  let server, ssm;

  before(async () => {
    server = await start("--ssm-local-node=true");
    ssm = new SSMClient(settings(server));
  });

  after(() => server.stop());

  it("types into a shell and reads what it says", { timeout: 30_000 }, async () => {
    const session = await ssm.send(new StartSessionCommand({ Target: "mi-0c10d1e7000000001" }));
    const socket = new WebSocket(session.StreamUrl);
    socket.binaryType = "arraybuffer";
    let seen = "";
    const said = new Promise((resolve, reject) => {
      socket.on("error", reject);
      socket.on("message", (data, isBinary) => {
        if (!isBinary) return;
        const message = client.decode(data);
        if (message.messageType !== "output_stream_data") return;
        client.sendACK(socket, message);
        seen += new TextDecoder().decode(message.payload);
        if (seen.includes("sum 42")) resolve();
      });
    });
    await new Promise((resolve) => socket.on("open", resolve));
    client.init(socket, { token: session.TokenValue, termOptions: { cols: 100, rows: 30 } });
    client.sendText(socket, new TextEncoder().encode("stty size; echo sum $((40+2))\r"));
    await said;
    assert.match(seen, /30 100/);
    const closed = new Promise((resolve) => socket.on("close", resolve));
    await ssm.send(new TerminateSessionCommand({ SessionId: session.SessionId }));
    await closed;
  });
});
