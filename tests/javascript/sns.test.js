import assert from "node:assert/strict";
import { createServer } from "node:http";
import https from "node:https";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { ConfirmSubscriptionCommand, CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { settings, start } from "./server.js";

const MessageValidator = createRequire(import.meta.url)("sns-validator");

/** An HTTP endpoint that records what it is posted, in order. */
async function endpoint() {
  const posted = [];
  const waiting = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (piece) => (text += piece));
    request.on("end", () => {
      response.end();
      const message = { headers: request.headers, text };
      waiting.length ? waiting.shift()(message) : posted.push(message);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/hook`,
    next: () => (posted.length ? Promise.resolve(posted.shift()) : new Promise((resolve) => waiting.push(resolve))),
    close: () => server.close(),
  };
}

function validated(text) {
  return new Promise((resolve, reject) => new MessageValidator().validate(text, (error, message) => (error ? reject(error) : resolve(message))));
}

describe("SNS with the JavaScript SDK and AWS's validator of messages", () => {
  let server, sns, hook;
  const get = https.get;

  before(async () => {
    server = await start("--sns-certificate-host", "aws");
    sns = new SNSClient(settings(server));
    hook = await endpoint();
    // AWS's names lead here, as with a hosts file or a DNS server.
    https.get = (address, then) => {
      const { hostname, pathname } = new URL(address);
      assert.equal(hostname, "sns.us-east-1.amazonaws.com");
      const answer = fetch(server.url + pathname);
      answer.then(async (found) => {
        const listeners = {};
        then({ statusCode: found.status, on(event, listener) { listeners[event] = listener; return this; } });
        listeners.data(Buffer.from(await found.arrayBuffer()));
        listeners.end();
      });
      return { on() {} };
    };
  });

  after(() => {
    https.get = get;
    hook.close();
    return server.stop();
  });

  for (const version of ["1", "2"]) {
    it(`confirms a subscription and validates notifications of signature version ${version}`, async () => {
      const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: `v${version}`, Attributes: { SignatureVersion: version } }));
      await sns.send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: hook.url }));
      const request = await hook.next();
      assert.equal(request.headers["x-amz-sns-message-type"], "SubscriptionConfirmation");
      const { Token } = await validated(request.text);
      await sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token }));
      await sns.send(new PublishCommand({ TopicArn, Subject: "greeting", Message: "hello ✓" }));
      const notification = await hook.next();
      const message = await validated(notification.text);
      assert.deepEqual([message.Subject, message.Message, message.SignatureVersion], ["greeting", "hello ✓", version]);
      const forged = JSON.stringify({ ...JSON.parse(notification.text), Message: "hullo" });
      await assert.rejects(validated(forged), /signature is invalid/);
    });
  }
});
