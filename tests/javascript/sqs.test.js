import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { settings, start } from "./server.js";

describe("SQS with the JavaScript SDK", () => {
  let server, sqs, QueueUrl;

  before(async () => {
    server = await start();
    sqs = new SQSClient(settings(server));
    ({ QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "javascript" })));
  });

  after(() => server.stop());

  it("sends, receives and deletes a message", async () => {
    // The SDK verifies the MD5 sums of what it sends and receives.
    const MessageAttributes = { kind: { DataType: "Number", StringValue: "7" } };
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "hello ✓", MessageAttributes }));
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ["All"] }));
    assert.deepEqual([Messages[0].Body, Messages[0].MessageAttributes.kind.StringValue], ["hello ✓", "7"]);
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle }));
  });

  it("answers a long poll as soon as a message comes", async () => {
    const polled = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "at last" }));
    const { Messages } = await polled;
    assert.equal(Messages[0].Body, "at last");
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle }));
  });

  it("sends a batch", async () => {
    const Entries = ["a", "b", "c"].map((Id) => ({ Id, MessageBody: Id }));
    const sent = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    assert.deepEqual(sent.Successful.map((entry) => entry.Id), ["a", "b", "c"]);
  });

  it("tells a missing queue by its class", async () => {
    await assert.rejects(sqs.send(new GetQueueUrlCommand({ QueueName: "missing" })), { name: /QueueDoesNotExist|NonExistentQueue/ });
  });

  it("refuses a wrong secret", async () => {
    const otherClient = new SQSClient(settings(server, { credentials: { accessKeyId: "test", secretAccessKey: "no" } }));
    await assert.rejects(otherClient.send(new GetQueueUrlCommand({ QueueName: "javascript" })), /signature we calculated does not match/);
  });
});
