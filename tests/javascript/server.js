// The server under test: SERVER is the built binary, started on a free port.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export async function start(...settings) {
  const ours = /^(CLOUDLET_|AWS_|LOCALSTACK_|LS_|GATEWAY_LISTEN$|DEFAULT_REGION$|DEBUG$|ENFORCE_IAM$|IAM_SOFT_MODE$)/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
  const child = spawn(process.env.SERVER, ["--port", "0", ...settings], { env, stdio: ["ignore", "pipe", "inherit"] });
  const address = await new Promise((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      const found = / listens on (\S+)/.exec(line);
      if (found) resolve(found[1]);
    });
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  const stopped = new Promise((resolve) => child.removeAllListeners("exit").on("exit", resolve));
  return {
    url: `http://${address}`,
    stop() {
      child.kill("SIGTERM");
      return stopped;
    },
  };
}

export function settings(server, more = {}) {
  return {
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
    ...more,
  };
}
